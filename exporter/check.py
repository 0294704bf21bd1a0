"""``check``: is the configuration right, is the credential accepted, does each question work."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import Random

from exporter.app.link import open_session
from exporter.catalog import COLLECTORS
from exporter.errors import RoundError
from exporter.flatfile.models import Environment
from exporter.flatfile.protocol import Flatfile
from exporter.settings import SETTINGS, Settings
from exporter.settings.loading import DEFAULT, Loaded

Say = Callable[[str], None]
_WIDTH = 14


def offline(loaded: Loaded, say: Say) -> int:
    """Print what is configured and where it came from. It was valid, or nobody would be here."""
    for setting in SETTINGS:
        origin = loaded.origins[setting.name]
        if origin != DEFAULT:
            say(f"{setting.name} = {setting.text(loaded.settings)} ({origin})")
    say(_line("configuration", "ok", "valid"))
    return 0


async def online(loaded: Loaded, say: Say) -> int:
    """Also log in, and ask one question for each collector. 1 if something does not work."""
    offline(loaded, say)
    session = open_session(loaded.settings, wall=time.time, rng=Random())
    try:
        well = await _ask_all(session.flatfile, loaded.settings, say)
    finally:
        await session.aclose()
    return 0 if well else 1


async def _ask_all(flatfile: Flatfile, settings: Settings, say: Say) -> bool:
    well = await _try("login", _account(flatfile), say)
    if not well:
        return False
    environments: list[Environment] = []

    async def list_environments() -> str:
        admits = settings.filter.environments.admits
        listed = await flatfile.environments()
        environments.extend(e for e in listed if admits(e.id, e.name))
        return f"{len(environments)} of {len(listed)} environments pass the filter"

    well = await _try("environments", list_environments(), say)
    first = next(iter(sorted(environments, key=lambda e: not e.production)), None)
    for name, question in _questions(flatfile, first, settings):
        if settings.collector.by_name()[name].enabled:
            well = await _try(name, question(), say) and well
        else:
            say(_line(name, "off", "switched off"))
    return well


def _questions(
    flatfile: Flatfile, first: Environment | None, settings: Settings
) -> Iterator[tuple[str, Callable[[], Awaitable[str]]]]:
    """One cheap question for each collector but the environments'."""

    async def agents() -> str:
        if first is None:
            return "no environment to ask about"
        found = await flatfile.agents(first.id)
        return f"{len(found)} agents in {first.name}"

    async def spaces() -> str:
        page = await flatfile.spaces_first_page(archived=True)
        return f"{len(page.spaces) if page.total is None else page.total} Spaces or more"

    async def users() -> str:
        return f"{len(await flatfile.users())} users"

    async def guests() -> str:
        page = await flatfile.spaces_first_page(archived=False)
        if not page.spaces:
            return "no Space to ask about"
        return f"{len(await flatfile.guests(page.spaces[0].id))} guests in one Space"

    async def events() -> str:
        since = time.time() - settings.events.window
        return f"{await _first(flatfile.events(since))} events on the first page"

    async def executions() -> str:
        if first is None:
            return "no environment to ask about"
        found = flatfile.executions(first.id, time.time() - settings.events.window)
        return f"{await _first(found)} executions on the first page in {first.name}"

    known = {
        "agents": agents,
        "spaces": spaces,
        "users": users,
        "guests": guests,
        "events": events,
        "executions": executions,
    }
    for collector in COLLECTORS:
        if collector.name in known:
            yield collector.name, known[collector.name]


async def _account(flatfile: Flatfile) -> str:
    account = await flatfile.account()
    return f"account {account.name} ({account.id})"


async def _first(pages: AsyncIterator[tuple[object, ...]]) -> int:
    async for page in pages:
        return len(page)
    return 0


async def _try(what: str, question: Awaitable[str], say: Say) -> bool:
    try:
        answer = await question
    except RoundError as error:
        say(_line(what, "FAILED", f"{error.reason}: {error}"))
        return False
    say(_line(what, "ok", answer))
    return True


def _line(what: str, state: str, detail: str) -> str:
    return f"{what:<{_WIDTH}} {state:<7} {detail}"
