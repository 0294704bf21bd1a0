"""A sink that does as it is told, and a store whose records are delivered to such, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from exporter.audit.backlog import Cap
from exporter.audit.delivery import Delivery
from exporter.audit.record import Entry
from exporter.audit.sinks.contract import NONE, Rejected, Sink
from exporter.audit.store import chain, delivery
from exporter.audit.store.database import Database
from exporter.audit.store.delivery import Backlog
from exporter.audit.worker import Pace
from exporter.errors import DeliveryFailed
from tests.audit.store.stage import drafts
from tests.support.loop import VirtualLoop

LARGE = Cap(limit=1 << 30)


def wall() -> float:
    return VirtualLoop.EPOCH + asyncio.get_running_loop().time()


@dataclass
class Shelf:
    """A sink that keeps what it takes; ``before`` may raise, wait, or refuse some."""

    name: str = "shelf"
    before: Callable[[Sequence[Entry]], Rejected] = lambda _: NONE
    hangs: bool = False
    reasons: Collection[str] = ()
    batches: list[list[int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each attempt was made, in loop time."""

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        self.times.append(asyncio.get_running_loop().time())
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(0.001)
        rejected = self.before(entries)
        self.batches.append([e.sequence for e in entries if e.sequence not in rejected])
        return rejected

    async def aclose(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()

    @property
    def kept(self) -> list[int]:
        return [sequence for batch in self.batches for sequence in batch]


def failing(*errors: DeliveryFailed) -> Callable[[Sequence[Entry]], Rejected]:
    """Raise each of them once, then take everything."""
    left = list(errors)

    def before(_: Sequence[Entry]) -> Rejected:
        if left:
            raise left.pop(0)
        return NONE

    return before


def always(error: DeliveryFailed) -> Callable[[Sequence[Entry]], Rejected]:
    def before(_: Sequence[Entry]) -> Rejected:
        raise error

    return before


@dataclass
class Log:
    """A store with records in it, and what is delivered from it."""

    database: Database
    work: Delivery
    sinks: int

    async def append(self, numbers: Iterable[int]) -> None:
        """Events with these numbers, in one transaction."""
        await self.database.run(partial(chain.append, drafts=drafts(*numbers), now=wall()))
        self.work.appended()

    async def backlog(self) -> dict[str, Backlog]:
        return await self.database.run(delivery.backlog)

    async def dead(self) -> dict[int, str]:
        found = await self.database.run(delivery.dead_letters)
        return {letter.sequence: letter.reason for letter in found}

    async def delivered(self, within: float = 10_000.0) -> None:
        """Wait until every sink is known and nothing waits for any."""
        pause = 0.01
        async with asyncio.timeout(within):
            while True:
                waiting = await self.backlog()
                if len(waiting) == self.sinks and not any(w.records for w in waiting.values()):
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, 10.0)


@asynccontextmanager
async def delivering(
    *sinks: Sink,
    folder: Path | None = None,
    cap: Cap = LARGE,
    pace: Pace | None = None,
    records: int = 0,
) -> AsyncIterator[Log]:
    database = Database(folder, wall)
    work = Delivery(database, sinks, cap=cap, wall=wall, rng=Random(1), pace=pace or Pace())
    log = Log(database, work, len(sinks))
    if records:
        await log.append(range(1, records + 1))
    running = asyncio.create_task(work.run())
    try:
        yield log
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await work.aclose()
        await database.aclose()
