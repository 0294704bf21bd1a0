"""``check``: is the configuration right, is the credential accepted, does each question work."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from random import Random

from exporter.app.link import open_session
from exporter.catalog import COLLECTORS
from exporter.errors import RoundError
from exporter.flatfile.models import Environment
from exporter.flatfile.protocol import Flatfile
from exporter.settings import SETTINGS, Settings
from exporter.settings.loading import DEFAULT, Loaded
from exporter.web.guard import protection

Say = Callable[[str], None]
_WIDTH = 14
_NOBODY = "no environment to ask about"


def offline(loaded: Loaded, say: Say) -> int:
    """Print what is configured and where it came from. It was valid, or nobody would be here."""
    for setting in SETTINGS:
        origin = loaded.origins[setting.name]
        if origin != DEFAULT:
            say(f"{setting.name} = {setting.text(loaded.settings)} ({origin})")
    if loaded.settings.web.config_file is not None:
        for note in protection.load(loaded.settings.web.config_file).protection.notes:
            say(_line("web config", "note", note))
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
        passed = f"{len(environments)} of {len(listed)} environments pass the filter"
        if settings.shard.count == 1:
            return passed
        environments[:] = [e for e in environments if settings.shard.owns(e.id)]
        return f"{passed}; {len(environments)} of them are of shard {settings.shard}"

    well = await _try("environments", list_environments(), say)
    first = next(iter(sorted(environments, key=lambda e: not e.production)), None)
    questions = _Questions(flatfile, first, time.time() - settings.events.window)
    asked = {collector.name for collector in COLLECTORS if collector.runs_on(settings.shard)}
    for name, question in questions.by_collector().items():
        if name not in asked:
            say(_line(name, "off", "left to the first shard"))
        elif settings.collector.by_name()[name].enabled:
            well = await _try(name, question(), say) and well
        else:
            say(_line(name, "off", "switched off"))
    return well


@dataclass(frozen=True, slots=True)
class _Questions:
    """One cheap question for each collector but the environments', named as the collector.

    ``first`` is the environment to ask about; None if there is none.
    """

    flatfile: Flatfile
    first: Environment | None
    since: float

    async def agents(self) -> str:
        if self.first is None:
            return _NOBODY
        return f"{len(await self.flatfile.agents(self.first.id))} agents in {self.first.name}"

    async def spaces(self) -> str:
        page = await self.flatfile.spaces_first_page(archived=True)
        more = "" if page.total is None else f" of {page.total}"
        return f"{len(page.spaces)}{more} Spaces on the first page"

    async def users(self) -> str:
        return f"{len(await self.flatfile.users())} users"

    async def guests(self) -> str:
        page = await self.flatfile.spaces_first_page(archived=False)
        if not page.spaces:
            return "no Space to ask about"
        return f"{len(await self.flatfile.guests(page.spaces[0].id))} guests in one Space"

    async def events(self) -> str:
        found = await _first(self.flatfile.events(self.since))
        return f"{found} events on the first page"

    async def executions(self) -> str:
        if self.first is None:
            return _NOBODY
        found = await _first(self.flatfile.executions(self.first.id, self.since))
        return f"{found} executions on the first page in {self.first.name}"

    def by_collector(self) -> dict[str, Callable[[], Awaitable[str]]]:
        return {
            "agents": self.agents,
            "spaces": self.spaces,
            "users": self.users,
            "guests": self.guests,
            "events": self.events,
            "executions": self.executions,
        }


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
