"""Bringing one sink up to date: batch after batch, and waits that grow while it fails.

A batch is read after the sink's cursor, sent, and acknowledged in one transaction together with
what the sink refused for good; a kill in between costs a repetition, never a record.
"""

import asyncio
import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import structlog

from exporter.audit import backlog
from exporter.audit.record import Entry, Kind
from exporter.audit.sinks.contract import Rejected, Sink
from exporter.audit.store import delivery
from exporter.audit.store.database import Database
from exporter.errors import DeliveryFailed, SinkRefused, SinkUnavailable, StorageFailed
from exporter.settings.durations import duration

STORAGE_PAUSE = 5.0
"""Seconds until the store is tried again; it says itself what is wrong."""

_STEP = 4  # by which batches shrink after a failure and grow after a success

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much at once, and how patiently. Times in seconds.

    A batch that fails comes again smaller, down to ``least``: a time limit, a nearly full disk or
    a limit of the receiver's on size must not refuse the same batch for ever.
    """

    batch: int = 1_000
    least: int = 10
    time_limit: float = 60.0
    """For one batch."""
    first: float = 1.0
    """The longest first wait; doubled with each failure in a row."""
    slow: float = 30.0
    """Likewise where an operator has to act first."""
    longest: float = 300.0
    poll: float = 30.0
    """Between two looks for what another process has appended or wants sent again."""


PACE = Pace()


class Worker:
    """Brings one sink up to date."""

    def __init__(
        self,
        database: Database,
        sink: Sink,
        cap: backlog.Cap,
        wall: Callable[[], float],
        rng: Random,
        pace: Pace,
        moved: Callable[[], None],
    ) -> None:
        """``wall`` gives Unix seconds; ``moved`` is told when less waits than before."""
        self.name = sink.name
        self.wake = asyncio.Event()
        """Set it when there is something new to send, or to give up."""
        self._database = database
        self._sink = sink
        self._cap = cap
        self._wall = wall
        self._rng = rng
        self._pace = pace
        self._moved = moved
        self._size = pace.batch
        self._failures = 0
        self._failing_since = 0.0
        self._reasons: set[str] = set()
        self.problem: str | None = None
        """Why it fails, while it does."""

    async def run(self) -> None:
        """Until cancelled. Whatever is not expected comes out of here."""
        while True:
            self.wake.clear()
            try:
                await self._skip()
                if not await self._turn():
                    await self._until_woken(self._pace.poll)
            except StorageFailed:
                await asyncio.sleep(STORAGE_PAUSE)
            except DeliveryFailed as error:
                await self._rest(self._failed(error))

    async def _turn(self) -> bool:
        """Send what comes next; whether there was anything."""
        again, new = await self._database.run(self._batch)
        if not again and not new:
            return False
        rejected = await self._send([*again, *new])

        def settle(connection: sqlite3.Connection, now: float) -> None:
            if again:
                sequences = [entry.sequence for entry in again]
                delivery.retried(connection, self.name, sequences, _of(again, rejected), now)
            if new:
                upto = new[-1].sequence
                delivery.acknowledge(connection, self.name, upto, _of(new, rejected), now)

        await self._database.run(partial(settle, now=self._wall()))
        self._said(rejected)
        self._recovered()
        self._moved()
        return True

    def _batch(self, connection: sqlite3.Connection) -> tuple[list[Entry], list[Entry]]:
        """What is to be sent again, and what is next.

        Together: a sink that refuses all of a batch may take that for a fault of its own, and what
        it refused before would hold up everything that is new.
        """
        again = delivery.retries(connection, self.name, self._size // 2 or 1)
        return again, self._next(connection, max(1, self._size - len(again)))

    def _next(self, connection: sqlite3.Connection, limit: int) -> list[Entry]:
        return delivery.coming(connection, self.name, limit)

    async def _send(self, entries: Sequence[Entry]) -> Rejected:
        limit = self._pace.time_limit
        try:
            async with asyncio.timeout(limit) as timer:
                return await self._sink.send(entries)
        except TimeoutError:
            if not timer.expired():
                raise
            raise SinkUnavailable(
                f"it did not take {len(entries)} records within {duration(limit)}; look after it"
            ) from None

    def _failed(self, error: DeliveryFailed) -> float:
        """Say it, if it is new; how long to wait."""
        if not self._failures:
            self._failing_since = self._wall()
            log.warning("sink_failing", sink=self.name, problem=str(error))
        self.problem = str(error)
        first = self._pace.slow if isinstance(error, SinkRefused) else self._pace.first
        wait = self._rng.uniform(0.0, min(self._pace.longest, first * 2.0**self._failures))
        self._failures = min(self._failures + 1, 30)
        self._size = max(self._pace.least, self._size // _STEP)
        return max(wait, error.retry_after or 0.0)

    def _recovered(self) -> None:
        if self._failures:
            failing = self._wall() - self._failing_since
            log.info("sink_recovered", sink=self.name, failing_for=duration(round(failing)))
        self._failures, self.problem = 0, None
        self._size = min(self._pace.batch, self._size * _STEP)

    def _said(self, rejected: Rejected) -> None:
        """One line for each new reason; the metric counts."""
        for reason, records in Counter(rejected.values()).items():
            if reason not in self._reasons:
                self._reasons.add(reason)
                log.warning("sink_refused_records", sink=self.name, reason=reason, records=records)

    async def _rest(self, seconds: float) -> None:
        """Wait, and meanwhile give up what is too much."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await self._until_woken(left)
            self.wake.clear()
            with contextlib.suppress(StorageFailed):  # the store said it; it is tried again
                await self._skip()

    async def _until_woken(self, most: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most):
                await self.wake.wait()

    async def _skip(self) -> None:
        """Make dead letters of the oldest records, as many as there are too many."""
        if self._cap.policy is not backlog.Policy.SKIP:
            return
        while await self._database.run(partial(self._give_up, now=self._wall())):
            self._moved()

    def _give_up(self, connection: sqlite3.Connection, now: float) -> bool:
        """Of one batch; whether any were too many."""
        waiting = delivery.backlog(connection)[self.name]
        # What was given up once and is wanted again must not cost what is new.
        excess = backlog.excess(self._cap, waiting.bytes - waiting.again)
        given: dict[int, str] = {}
        upto, kept = 0, []
        for entry in self._next(connection, self._size) if excess else ():
            if excess <= 0:
                break
            upto = entry.sequence
            excess -= len(entry.body)
            # A sink may hold the name of whom this is about, and has to hear of it.
            if entry.record["kind"] == Kind.REDACTION:
                kept.append(upto)
            else:
                given[upto] = backlog.FULL
        if upto:
            delivery.acknowledge(connection, self.name, upto, given, now)
            delivery.repeat(connection, self.name, kept)
        return bool(upto)


def _of(entries: Sequence[Entry], rejected: Rejected) -> Rejected:
    return {e.sequence: rejected[e.sequence] for e in entries if e.sequence in rejected}
