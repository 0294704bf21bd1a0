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
from dataclasses import dataclass
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
    """``spaces`` has each with its environment's id; it is empty where they were only counted.

    Those of other environments of the account are among them where that cost nothing.
    """

    counts: Mapping[str, Counts]
    spaces: tuple[tuple[str, Space], ...] = ()
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
    account: Sequence[str],
    workers: int,
    page_size: int,
    walk: bool,
) -> Stock:
    """The counts of these environments, zeros included.

    ``walk`` wants the Spaces themselves, or knows that a walk is cheaper. A first page with fewer
    than ``page_size`` Spaces may be the whole list. ``account`` are the environments of all shards.
    The plan is the one that is right for them together: what is not known by counts alone must not
    depend on how many shards there are.
    """
    if walk:
        return await _walk(flatfile, environment_ids, account, workers)
    try:
        first = await flatfile.spaces_first_page(archived=True)
    except (BadRequest, Forbidden):
        return await list_environments(flatfile, environment_ids, workers=workers)
    counted = await _count_if_cheaper(
        flatfile, environment_ids, first, workers, limit=2 * len(account)
    )
    if counted is not None:
        return counted
    is_all = first.pages == 1 and first.total == len(first.spaces) < page_size
    return await _walk(
        flatfile, environment_ids, account, workers, first.spaces if is_all else None
    )


async def _walk(
    flatfile: Flatfile,
    environment_ids: Sequence[str],
    account: Sequence[str],
    workers: int,
    archived: tuple[Space, ...] | None = None,
) -> Stock:
    """``archived`` is what ``archived=true`` lists, where that has been listed already."""
    if archived is None:
        try:
            archived = await flatfile.spaces(archived=True)
        except (BadRequest, Forbidden):
            return await list_environments(flatfile, environment_ids, workers=workers)
    spaces = await _both(flatfile, archived, None)
    if spaces is not archived:
        spaces = await _none_between(flatfile, archived, spaces)
    placed = tuple((s.environment_id, s) for s in spaces if s.environment_id is not None)
    if len(placed) < len(spaces):
        return await list_environments(flatfile, environment_ids, workers=workers)
    return _stock(environment_ids, placed, "account-wide listing", also=account)


async def every_space(
    flatfile: Flatfile, environment_ids: Sequence[str], *, workers: int
) -> tuple[tuple[str, Space], ...]:
    """All Spaces of these environments, archived ones too, each with its environment's id."""
    return (await _walk(flatfile, environment_ids, environment_ids, workers)).spaces


async def _both(
    flatfile: Flatfile, archived: tuple[Space, ...], environment_id: str | None
) -> tuple[Space, ...]:
    """Complete what ``archived=true`` listed, unless it shows itself that it is everything."""
    if any(space.archived_at is None for space in archived):
        return archived
    others = await flatfile.spaces(archived=False, environment_id=environment_id)
    return tuple({space.id: space for space in (*archived, *others)}.values())


async def _none_between(
    flatfile: Flatfile, archived: tuple[Space, ...], spaces: tuple[Space, ...]
) -> tuple[Space, ...]:
    """With those that were archived between the two listings, and so are in neither.

    ``archived`` is what the first of them showed. A page object that says the same spares the
    listing.
    """
    again = await flatfile.spaces_first_page(archived=True)
    known = {space.id for space in archived}
    if again.total == len(archived) and all(space.id in known for space in again.spaces):
        return spaces
    others = await flatfile.spaces(archived=True)
    return tuple({space.id: space for space in (*spaces, *others)}.values())


async def list_environments(
    flatfile: Flatfile, environment_ids: Sequence[str], *, workers: int
) -> Stock:
    """The same by one listing of each; raises a RoundError if one of them fails."""

    async def ask(environment_id: str) -> tuple[Space, ...]:
        archived = await flatfile.spaces(archived=True, environment_id=environment_id)
        return await _both(flatfile, archived, environment_id)

    swept = await sweep(environment_ids, ask, workers=workers)
    error = shortfall(swept.failures, len(environment_ids), "environments' Spaces")
    # One that was deleted since it was listed has no number; nor has one that is only said to be.
    deleted = swept.answers and all(isinstance(e, NotFound) for e in swept.failures.values())
    if error and not deleted:
        raise error
    placed = tuple((of, space) for of, spaces in swept.answers.items() for space in spaces)
    return _stock(swept.answers, placed, "listing environment by environment")


def _stock(
    environment_ids: Iterable[str],
    placed: Iterable[tuple[str, Space]],
    plan: str,
    also: Iterable[str] = (),
) -> Stock:
    """Of these environments only: others are filtered out, or newer than their listing."""
    tallies = {environment_id: [0, 0, 0] for environment_id in environment_ids}
    wanted = tallies.keys() | frozenset(also)
    kept = tuple((of, space) for of, space in placed if of in wanted)
    for of, space in kept:
        if of in tallies:
            tallies[of][0 if space.archived_at is None else 1] += 1
            tallies[of][2] += space.expired_at is not None
    counts = {
        of: Counts(active=active, archived=archived, expired=expired)
        for of, (active, archived, expired) in tallies.items()
    }
    return Stock(counts=counts, spaces=kept, plan=plan)


async def _count_if_cheaper(
    flatfile: Flatfile,
    environment_ids: Sequence[str],
    first: FirstPage,
    workers: int,
    *,
    limit: int,
) -> Stock | None:
    """None where a walk of no more than ``limit`` pages is right, or counts could not be trusted."""
    if first.pages is None:
        return None
    mixed = any(space.archived_at is None for space in first.spaces)
    if mixed and first.pages <= limit:
        return None
    # Where only archived ones are listed, a walk has to be made for either value.
    plain = await flatfile.spaces_first_page(archived=False)
    if first.pages + (plain.pages or 0) <= limit:
        return None
    return await _count(flatfile, environment_ids, _settle(first, plain), workers)


async def _count(
    flatfile: Flatfile, environment_ids: Sequence[str], meaning: _Archived, workers: int
) -> Stock | None:
    """Counts by ``totalCount``; None where they could not be trusted."""
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
    """What ``archived=true`` means, if the two first pages leave no doubt.

    Equal totals never do: so it would be if ``totalCount`` did not honour the filter.
    """
    if listed.total is None or plain.total is None:
        return _Archived.UNSETTLED
    if any(space.archived_at is not None for space in plain.spaces):
        return _Archived.UNSETTLED
    if any(space.archived_at is None for space in listed.spaces):
        return _Archived.INCLUDED if listed.total > plain.total else _Archived.UNSETTLED
    # All archived so far: either only those are listed, or they merely come first.
    return _Archived.ONLY if listed.total < plain.total else _Archived.UNSETTLED
