"""Spaces of each environment: active, archived, expired."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from exporter.collectors.contract import Amendment, Collector, Observation, Round
from exporter.collectors.spacecount import Counts, list_environments, take_stock
from exporter.errors import RoundError
from exporter.families import Sample, gauge, info
from exporter.flatfile.models import Space
from exporter.flatfile.whole import Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Spaces:
    """``infos`` are (space id, name, environment id), empty unless they are asked for."""

    counts: Mapping[str, Counts]
    infos: tuple[tuple[str, str, str], ...] = ()
    walked: int = 0
    """Spaces that a walk through the account has shown; 0 if there was none."""
    again: Mapping[str, float] = field(default_factory=dict)
    """Loop time at which environments were asked again since the newest round."""


async def look(this: Round[Spaces]) -> Observation[Spaces]:
    """By the plan that needs the fewest requests among those that give the right numbers."""
    environments = [environment.id for environment in await this.environments()]
    account = [environment.id for environment in await this.admitted()]
    wanted = this.settings.collector.spaces
    stock = await take_stock(
        this.flatfile,
        environments,
        account=account,
        workers=this.settings.api.concurrency,
        page_size=this.settings.api.page_size,
        walk=wanted.info or _a_walk_is_cheaper(this, len(account)),
    )
    counts, error = await _confirmed(this, stock.counts)
    if stock.spaces:
        things = [space for _, space in stock.spaces]
        this.offer(Whole(things=things, kind=Space, wall=this.wall))
    # The cap is that of the account: which Spaces it leaves in does not depend on the shards.
    infos = sorted((space.id, space.name, of) for of, space in stock.spaces) if wanted.info else []
    shown = tuple(info for info in infos[: wanted.info_limit] if info[2] in counts)
    return Observation(
        data=Spaces(counts=counts, infos=shown, walked=len(stock.spaces)),
        error=error,
        truncated=len(infos) > wanted.info_limit,
        plan=stock.plan,
    )


async def _confirmed(
    this: Round[Spaces], counts: Mapping[str, Counts]
) -> tuple[Mapping[str, Counts], RoundError | None]:
    """Without environments that were deleted since they were listed: these have not 0 Spaces.

    Looked at only where one has none for the first time. If that cannot be told now, it keeps what
    was seen of it.
    """
    before = this.previous.counts if this.previous else counts
    empty = {of for of, one in counts.items() if not one.active and not one.archived}
    doubtful = {of for of in empty if (old := before.get(of)) is None or old.active or old.archived}
    if not doubtful:
        return counts, None
    try:
        listed = await this.directory.environments(this.flatfile, max_age=0.0)
    except RoundError as failure:
        rest = {of: before.get(of) if of in doubtful else one for of, one in counts.items()}
        return {of: one for of, one in rest.items() if one is not None}, failure
    gone = doubtful.difference(environment.id for environment in listed)
    return {of: one for of, one in counts.items() if of not in gone}, None


def _a_walk_is_cheaper(this: Round[Spaces], environments: int) -> bool:
    """Than two questions for each environment; if that is known, the first page need not say it."""
    walked = this.previous.walked if this.previous else 0
    return 0 < walked <= this.settings.api.page_size * environments


async def again(this: Round[Spaces], environment_ids: frozenset[str]) -> Amendment[Spaces]:
    """Those of them that exist, listed one by one: a walk through the account costs more.

    Only their numbers: which Spaces the cap leaves in is settled for the account, by a round.
    """
    here = sorted(environment_ids.intersection(e.id for e in await this.environments()))
    stock = await list_environments(this.flatfile, here, workers=this.settings.api.concurrency)
    seen, _ = await _confirmed(this, stock.counts)  # the next round says why it could not be told

    def patch(shown: Spaces) -> Spaces:
        # Where the others are only counted, one that shows what expired would be a stray.
        counted = {of: one for of, one in shown.counts.items() if one.expired is None}
        fresh = {of: replace(one, expired=None) if counted else one for of, one in seen.items()}
        return replace(
            shown,
            counts=dict(sorted({**shown.counts, **fresh}.items())),
            again={**shown.again, **dict.fromkeys(fresh, this.now)},
        )

    old = this.previous.counts if this.previous else {}
    same = {of for of, one in seen.items() if of in old and _alike(old[of], one)}
    return Amendment(patch=patch, unchanged=frozenset(same))


def _alike(one: Counts, other: Counts) -> bool:
    return (one.active, one.archived) == (other.active, other.archived)


def newest(shown: Spaces, seen: Spaces, since: float) -> Spaces:
    """What a round saw, but for environments asked again later than ``since`` (loop time)."""
    later = {of: at for of, at in shown.again.items() if at > since and of in shown.counts}
    if not later:
        return seen
    counts = {**seen.counts, **{of: shown.counts[of] for of in later}}
    return replace(seen, counts=dict(sorted(counts.items())), again=later)


def _each(value: Callable[[Counts], float | None]) -> Callable[[Spaces], Iterable[Sample]]:
    return lambda seen: [
        ((of,), found) for of, counts in seen.counts.items() if (found := value(counts)) is not None
    ]


COLLECTOR = Collector(
    name="spaces",
    look=look,
    again=again,
    newest=newest,
    families=(
        gauge(
            "flatfile_environment_spaces",
            "Spaces that are not archived.",
            _each(lambda counts: counts.active),
            ("environment_id",),
        ),
        gauge(
            "flatfile_environment_archived_spaces",
            "Archived Spaces.",
            _each(lambda counts: counts.archived),
            ("environment_id",),
        ),
        gauge(
            "flatfile_environment_expired_spaces",
            "Spaces whose data a retention policy removed; absent where they are only counted.",
            _each(lambda counts: counts.expired),
            ("environment_id",),
        ),
        info(
            "flatfile_space_info",
            "Name and environment of a Space. Off by default, and capped.",
            ("space_id", "space_name", "environment_id"),
            lambda seen: seen.infos,
        ),
    ),
)
