"""Spaces of each environment: active, archived, expired."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.spacecount import Counts, take_stock
from exporter.families import Sample, gauge, info


@dataclass(frozen=True, slots=True, kw_only=True)
class Spaces:
    """``infos`` are (space id, name, environment id), empty unless they are asked for."""

    counts: Mapping[str, Counts]
    infos: tuple[tuple[str, str, str], ...] = ()


async def look(this: Round[Spaces]) -> Observation[Spaces]:
    """By the plan that needs the fewest requests among those that give the right numbers."""
    environments = await this.environments()
    wanted = this.settings.collector.spaces
    stock = await take_stock(
        this.flatfile,
        [environment.id for environment in environments],
        workers=this.settings.api.concurrency,
        page_size=this.settings.api.page_size,
        walk=wanted.info,
    )
    infos = sorted((space.id, space.name, of) for of, space in stock.spaces) if wanted.info else []
    return Observation(
        data=Spaces(counts=stock.counts, infos=tuple(infos[: wanted.info_limit])),
        truncated=len(infos) > wanted.info_limit,
        plan=stock.plan,
    )


def _each(value: Callable[[Counts], float | None]) -> Callable[[Spaces], Iterable[Sample]]:
    return lambda seen: [
        ((of,), found) for of, counts in seen.counts.items() if (found := value(counts)) is not None
    ]


COLLECTOR = Collector(
    name="spaces",
    look=look,
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
