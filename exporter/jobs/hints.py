"""Following the feed between the rounds, and asking again what events say has changed.

A hint only moves forward a question that a round would ask. Whatever fails here is tried again,
and found by the next round at the latest.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from exporter.collectors.contract import Collector
from exporter.collectors.hints import Hearing, Hints
from exporter.collectors.watch import BEFORE, Watch
from exporter.errors import BadRequest, Forbidden, RoundError
from exporter.flatfile.models import Event
from exporter.jobs.amends import amend
from exporter.jobs.pending import Pending
from exporter.jobs.rounds import Surroundings, play

_SHORTEST, _LONGEST = 2.5, 60.0  # seconds; a look that failed doubles the pause
_SETTLE = 10.0  # seconds until what looked unchanged is asked once more: a listing may lag behind
_LATER = 10.0  # seconds until what failed is asked again
_REFUSED = 3_600.0  # seconds until a feed that was refused is tried again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """How eagerly: so many environments together, seconds ``between`` two times, and ``apart``.

    Each showing renders a page anew. ``apart`` are two questions about one environment.
    """

    at_once: int
    between: float = 0.0
    apart: float = 0.0


_MANNERS = {
    "agents": _Manner(at_once=50),
    # Every import may make a Space: an environment a second is what hints may cost here.
    "spaces": _Manner(at_once=5, between=5.0, apart=30.0),
}


@dataclass(slots=True)
class Follower:
    """Of one generation. ``collectors`` are those that are on, by name."""

    collectors: Mapping[str, Collector[Any]]
    watch: Watch
    hearing: Hearing
    _waiting: dict[str, Pending] = field(default_factory=dict)
    _repeated: dict[str, set[str]] = field(default_factory=dict)
    _asked: dict[str, dict[str, float]] = field(default_factory=dict)
    _created: set[str] = field(default_factory=set)
    _listing: asyncio.Event = field(default_factory=asyncio.Event)
    _failing: set[str] = field(default_factory=set)
    _idle_until: float = 0.0
    _pause: float = _SHORTEST

    def __post_init__(self) -> None:
        for name, collector in self.collectors.items():
            if collector.again:
                self._waiting[name] = Pending()
                self._repeated[name] = set()
                self._asked[name] = {}

    @classmethod
    def beginning(cls, collectors: Mapping[str, Collector[Any]], wall: float) -> "Follower":
        """One that begins to listen now, which is ``wall`` in Unix seconds."""
        since = wall - BEFORE
        return cls(collectors, Watch(since), Hearing(since))

    async def look(self, around: Surroundings) -> None:
        """One look at the feed. Raises nothing that is expected."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._idle_until:
            return
        try:
            events = await self.watch.look(around.flatfile, around.wall())
        except (BadRequest, Forbidden) as error:
            # There is no feed of the account. The rounds tell what they read of each environment.
            self._idle_until = loop.time() + _REFUSED
            self._said("watch", error)
        except RoundError as error:
            # The rounds ask in vain meanwhile, too; so many questions more are of no use.
            self._pause = min(2 * self._pause, _LONGEST)
            self._idle_until = loop.time() + self._pause
            self._said("watch", error)
        else:
            self._pause = _SHORTEST
            self._said("watch", None)
            self.tell(events)

    def tell(self, events: Iterable[Event], asked_of: str = "") -> None:
        """Take note of what these hint at; also of what a round of the events collector read.

        ``asked_of`` is the environment that was asked for them, if one was.
        """
        hints = self.hearing.hear(events, asked_of)
        if hints:
            self._note(hints)

    async def run(self, around: Surroundings) -> None:
        """Ask again whatever is pending, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in self._waiting:
                group.create_task(self._ask_again(name, around), name=f"again-{name}")
            if "environments" in self.collectors:
                group.create_task(self._list_again(around), name="again-environments")

    def _note(self, hints: Hints) -> None:
        self._add("agents", hints.agents)
        self._add("spaces", hints.spaces)
        self._created |= hints.created
        if hints.environments:
            self._listing.set()

    def _add(self, name: str, environment_ids: frozenset[str]) -> None:
        if name in self._waiting:
            now = asyncio.get_running_loop().time()
            asked, apart = self._asked[name], _MANNERS[name].apart
            self._repeated[name] -= environment_ids
            for id_ in environment_ids:
                self._waiting[name].add([id_], max(now, asked.get(id_, -apart) + apart))

    async def _ask_again(self, name: str, around: Surroundings) -> None:
        loop = asyncio.get_running_loop()
        pending, repeated, manner = self._waiting[name], self._repeated[name], _MANNERS[name]
        while True:
            ids = await pending.take(manner.at_once)
            second = ids & repeated
            repeated -= ids
            now = loop.time()
            late = {id_: at for id_, at in self._asked[name].items() if now - at < manner.apart}
            self._asked[name] = {**late, **dict.fromkeys(ids, now)}
            try:
                unchanged = await amend(self.collectors[name], around, ids)
            except RoundError as error:
                self._said(name, error)
                pending.add(ids, loop.time() + _LATER)
                continue
            self._said(name, None)
            once_more = unchanged - second
            repeated |= once_more
            pending.add(once_more, loop.time() + _SETTLE)
            await asyncio.sleep(manner.between)

    async def _list_again(self, around: Surroundings) -> None:
        while True:
            await self._listing.wait()
            self._listing.clear()
            created, self._created = self._created, set()
            around.directory.outdated()
            await play(self.collectors["environments"], around)
            for name in self._waiting:
                self._add(name, frozenset(created))

    def _said(self, what: str, error: RoundError | None) -> None:
        if error is not None and what not in self._failing:
            self._failing.add(what)
            log.warning("hints_failing", of=what, reason=error.reason, problem=str(error))
        elif error is None and what in self._failing:
            self._failing.discard(what)
            log.info("hints_recovered", of=what)
