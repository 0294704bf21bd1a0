"""How many Spaces each environment has, by the fewest requests that give the right numbers.

Two plans. A *walk* reads the account-wide listing: one request a page. A *count* asks each
environment twice for a page of one and reads ``totalCount``. The first page of the walk tells
what either costs.

What is not documented (API notes, sections 6 and 14.4) decides what can be trusted: whether
``archived=true`` includes the archived Spaces or lists only them, whether ``totalCount`` honours
it, and whether a Space names its environment. A count is used only where the answers themselves
have settled these; a walk looks at every Space and is right whichever way it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from exporter.collectors.sweep import shortfall, sweep
from exporter.errors import BadRequest, Forbidden, NotFound
from exporter.flatfile.models import Space
from exporter.flatfile.protocol import FirstPage, Flatfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of one environment. ``expired`` (archived or not) is None where no list was walked."""

    active: int = 0
    archived: int = 0
    expired: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """``spaces`` is empty where they were only counted."""

    counts: Mapping[str, Counts]
    spaces: tuple[Space, ...] = ()
    plan: str = ""


class _Archived(Enum):
    """What the server lists for ``archived=true``."""

    INCLUDED = auto()
    ONLY = auto()
    UNSETTLED = auto()


async def take_stock(
    flatfile: Flatfile,
    environment_ids: Sequence[str],
    *,
    workers: int,
    page_size: int,
    walk: bool,
) -> Stock:
    """The counts of these environments, zeros included; ``walk`` wants the Spaces themselves."""
    try:
        first = await flatfile.spaces_first_page(archived=True)
    except (BadRequest, Forbidden):
        return await _by_environment(flatfile, environment_ids, workers)
    # A walk is verified by one more request, and may have to be done for either value.
    counting = 2 * len(environment_ids) + 1
    if not walk and first.pages is not None and first.pages > counting:
        counted = await _count(flatfile, environment_ids, first, workers)
        if counted is not None:
            return counted
    if first.pages == 1 and first.total == len(first.spaces) < page_size:
        archived = first.spaces
    else:
        archived = await flatfile.spaces(archived=True)
    spaces = await _both(flatfile, archived, None)
    if any(space.environment_id is None for space in spaces):
        return await _by_environment(flatfile, environment_ids, workers)
    return Stock(
        counts=_counted(environment_ids, spaces), spaces=spaces, plan="account-wide listing"
    )


async def every_space(
    flatfile: Flatfile, environment_ids: Sequence[str], *, workers: int, page_size: int
) -> tuple[Space, ...]:
    """All Spaces of these environments, archived ones too."""
    stock = await take_stock(
        flatfile, environment_ids, workers=workers, page_size=page_size, walk=True
    )
    return tuple(space for space in stock.spaces if space.environment_id in stock.counts)


async def _both(
    flatfile: Flatfile, archived: tuple[Space, ...], environment_id: str | None
) -> tuple[Space, ...]:
    """Complete what ``archived=true`` listed, unless it shows itself that it is everything."""
    if any(space.archived_at is None for space in archived):
        return archived
    others = await flatfile.spaces(archived=False, environment_id=environment_id)
    return tuple({space.id: space for space in (*archived, *others)}.values())


async def _by_environment(
    flatfile: Flatfile, environment_ids: Sequence[str], workers: int
) -> Stock:
    async def ask(environment_id: str) -> tuple[Space, ...]:
        try:
            archived = await flatfile.spaces(archived=True, environment_id=environment_id)
            spaces = await _both(flatfile, archived, environment_id)
        except NotFound:  # deleted since it was listed; the next listing will not have it
            return ()
        return tuple(replace(space, environment_id=environment_id) for space in spaces)

    swept = await sweep(environment_ids, ask, workers=workers)
    error = shortfall(swept.failures, len(environment_ids), "environments' Spaces")
    if error:
        raise error
    spaces = tuple(space for found in swept.answers.values() for space in found)
    return Stock(
        counts=_counted(environment_ids, spaces),
        spaces=spaces,
        plan="listing environment by environment",
    )


def _counted(environment_ids: Iterable[str], spaces: Iterable[Space]) -> Mapping[str, Counts]:
    tallies = {environment_id: [0, 0, 0] for environment_id in environment_ids}
    for space in spaces:
        tally = tallies.get(space.environment_id or "")
        if tally is None:  # of an environment that is filtered out, or newer than its listing
            continue
        tally[0 if space.archived_at is None else 1] += 1
        tally[2] += space.expired_at is not None
    return {
        environment_id: Counts(active=active, archived=archived, expired=expired)
        for environment_id, (active, archived, expired) in tallies.items()
    }


async def _count(
    flatfile: Flatfile, environment_ids: Sequence[str], first: FirstPage, workers: int
) -> Stock | None:
    """Counts by ``totalCount``; None where they could not be trusted."""
    meaning = _settle(first, await flatfile.spaces_first_page(archived=False))
    if meaning is _Archived.UNSETTLED:
        return None

    async def ask(environment_id: str) -> tuple[int, int] | None:
        plain = await flatfile.count_spaces(environment_id, archived=False)
        listed = await flatfile.count_spaces(environment_id, archived=True)
        if plain is None or listed is None:
            return None
        return plain, listed - plain if meaning is _Archived.INCLUDED else listed

    swept = await sweep(environment_ids, ask, workers=workers)
    error = shortfall(swept.failures, len(environment_ids), "environments' Spaces")
    if error and not all(isinstance(e, NotFound) for e in swept.failures.values()):
        raise error
    counts = {}
    for environment_id, answer in swept.answers.items():
        if answer is None or answer[1] < 0:  # no page object after all, or it changed meanwhile
            return None
        counts[environment_id] = Counts(active=answer[0], archived=answer[1])
    return Stock(counts=counts, plan="counted environment by environment")


def _settle(listed: FirstPage, plain: FirstPage) -> _Archived:
    """What ``archived=true`` means, if the two first pages leave no doubt."""
    if listed.total is None or plain.total is None or listed.total == plain.total:
        return _Archived.UNSETTLED  # as it would be if totalCount did not honour the filter
    if any(space.archived_at is not None for space in plain.spaces):
        return _Archived.UNSETTLED
    if any(space.archived_at is None for space in listed.spaces):
        return _Archived.INCLUDED if listed.total > plain.total else _Archived.UNSETTLED
    # All archived so far: either only those are listed, or they merely come first.
    return _Archived.ONLY if listed.total < plain.total else _Archived.UNSETTLED
