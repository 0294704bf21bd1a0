"""Handing records on: one worker for each sink, none of which waits for another.

What waits for the slowest sink is weighed here, and may hold up the feed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

import structlog

from exporter.audit import backlog
from exporter.audit.sinks.contract import Sink
from exporter.audit.store import delivery
from exporter.audit.store.database import Database
from exporter.audit.worker import PACE, STORAGE_PAUSE, Pace, Worker
from exporter.errors import StorageFailed

_CLOSE = 5.0  # seconds that a sink gets to let go at the end

log = structlog.get_logger()


class Delivery:
    """``run`` it once; ``appended`` is told whenever records were appended."""

    def __init__(
        self,
        database: Database,
        sinks: Sequence[Sink],
        *,
        cap: backlog.Cap,
        wall: Callable[[], float],
        rng: Random,
        pace: Pace = PACE,
    ) -> None:
        """``wall`` gives Unix seconds."""
        self._database = database
        self._sinks = sinks
        self._cap = cap
        self._weigh = asyncio.Event()
        self._workers = [
            Worker(database, sink, cap, wall, rng, pace, self._weigh.set) for sink in sinks
        ]
        self.blocked = True
        """Whether the feed has to wait; it has to until the backlog was looked at."""

    def appended(self) -> None:
        """There are new records."""
        self._weigh.set()
        for worker in self._workers:
            worker.wake.set()

    @property
    def problems(self) -> Mapping[str, str]:
        """Why each sink that fails does, by its name."""
        return {worker.name: worker.problem for worker in self._workers if worker.problem}

    async def run(self) -> None:
        """Until cancelled. Whatever is not expected comes out of here."""
        await self._register()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="audit-backlog")
            for worker in self._workers:
                group.create_task(worker.run(), name=f"audit-sink-{worker.name}")

    async def aclose(self) -> None:
        """Have the sinks let go; one that cannot must not keep the process."""
        for sink in self._sinks:
            try:
                async with asyncio.timeout(_CLOSE):
                    await sink.aclose()
            except TimeoutError:
                log.warning("sink_left_open", sink=sink.name)

    async def _register(self) -> None:
        names = [worker.name for worker in self._workers]
        while True:
            try:
                for sink in self._sinks:
                    reasons = (*sink.reasons, backlog.FULL)
                    register = partial(delivery.register, sink=sink.name, reasons=reasons)
                    await self._database.run(register)
                await self._database.run(partial(delivery.retire, keep=names))
            except StorageFailed:
                await asyncio.sleep(STORAGE_PAUSE)
            else:
                return

    async def _watch(self) -> None:
        """Keep ``blocked`` true to the backlog, and say when it changes."""
        said = False
        while True:
            self._weigh.clear()
            try:
                waiting = await self._database.run(delivery.backlog)
            except StorageFailed:
                await asyncio.sleep(STORAGE_PAUSE)
                continue
            slowest = max(waiting, key=lambda name: waiting[name].bytes, default="")
            amount = waiting[slowest].bytes if slowest else 0
            self.blocked = backlog.blocked(self._cap, amount, before=said)
            if self.blocked and not said:
                log.error(
                    "audit_feed_blocked",
                    sink=slowest,
                    waiting_bytes=amount,
                    problem="the feed is not read on until this sink takes records again; mend"
                    " it, raise audit.backlog-limit, or let audit.backlog-policy be skip",
                )
            elif said and not self.blocked:
                log.info("audit_feed_goes_on", waiting_bytes=amount)
            said = self.blocked
            await self._weigh.wait()
