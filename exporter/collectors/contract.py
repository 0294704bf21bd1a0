"""What a collector is: a name, a function that looks, and families that measure what it saw."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.collectors.directory import Directory
from exporter.errors import RoundError
from exporter.families import SCOPE, Family
from exporter.flatfile.models import Environment, Event
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.whole import Offer, ignore
from exporter.settings import Settings, Shard
from exporter.state.store import Store

D = TypeVar("D")


Tell = Callable[[Iterable[Event], str], None]
"""Takes events, and the environment that was asked for them; empty if the account was."""


def unheard(_: Iterable[Event], __: str) -> None:
    """Where nobody listens for what events hint at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Generic[D]):
    """What a look has at hand.

    ``now`` is loop time and ``wall`` Unix time at the start of the round, ``interval`` and
    ``retain`` belong to the collector; all in seconds. ``previous`` is what the collector saw in
    its last successful round, None before that. ``offer`` takes every listing that is whole,
    ``tell`` every event that was read.
    """

    flatfile: Flatfile
    directory: Directory
    store: Store
    settings: Settings
    previous: D | None
    now: float
    wall: float
    interval: float
    retain: float
    offer: Offer = ignore
    tell: Tell = unheard

    async def environments(self) -> tuple[Environment, ...]:
        """The environments to ask about, as listed lately."""
        return await self.directory.environments(self.flatfile, max_age=self._lately)

    async def admitted(self) -> tuple[Environment, ...]:
        """The environments of all shards, as listed lately."""
        return await self.directory.admitted(self.flatfile, max_age=self._lately)

    @property
    def _lately(self) -> float:
        return 1.5 * self.settings.collector.environments.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Generic[D]):
    """What a look saw.

    ``error`` says that part of it failed: the data is still good (what failed kept its last
    value, or is absent), but the round does not count as a success. ``plan`` says in words how
    it was asked. ``environments`` are the ids of those that exist, if the look listed them.
    """

    data: D
    error: RoundError | None = None
    truncated: bool = False
    plan: str = ""
    environments: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment(Generic[D]):
    """What asking again about some environments changes in whatever is shown by then.

    ``unchanged`` are those that look as they did: the API may not show yet what an event told.
    """

    patch: Callable[[D], D]
    unchanged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector(Generic[D]):
    """``look`` raises a RoundError if there is nothing new to show.

    A collector that can look at single environments between its rounds has ``again``, which takes
    their ids, and ``newest``, which keeps in what a round saw (second) what was shown (first) and
    is newer than the loop time at which the round began (third).
    """

    name: str
    look: Callable[[Round[D]], Awaitable[Observation[D]]]
    families: tuple[Family[D], ...]
    essential: bool = False
    """Whether readiness waits for its first complete round."""
    again: Callable[[Round[D], frozenset[str]], Awaitable[Amendment[D]]] | None = None
    newest: Callable[[D, D, float], D] | None = None

    def families_of(self, shard: Shard) -> tuple[Family[D], ...]:
        """What a shard exposes: a family that names no environment comes from the first only."""
        if shard.first:
            return self.families
        return tuple(family for family in self.families if SCOPE in family.labels)

    def runs_on(self, shard: Shard) -> bool:
        """Whether a shard has anything to ask for it."""
        return shard.first or bool(self.families_of(shard))
