"""An emulated account, the feed that reads it through the real client, and what it handed on."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import httpx

from exporter.audit.feed.backfill import Backfill
from exporter.audit.feed.batch import MOST
from exporter.audit.feed.contract import Options, Parcel, Report
from exporter.audit.feed.gaps import Gap
from exporter.audit.feed.rounds import Feed
from exporter.audit.store import cursors
from exporter.audit.store.database import Database
from exporter.emulator import Emulator, Quirks, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.emulator.truth import EventTruth
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.session import Session, connect
from tests.support.account import wall

STILL = Scale(environments=3, spaces=20, users=5, guests=5, events_per_minute=0)
BUSY = replace(STILL, events_per_minute=30, rare=0, history_seconds=2400)
OPTIONS = Options(overlap=120.0, settle=10.0, start=1800.0)


@dataclass
class Kept:
    """The other side of the feed: keeps each event once, as the store does, and its cursors."""

    events: dict[str, RawEvent] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    gaps: dict[str, Gap] = field(default_factory=dict)
    batches: list[tuple[str, ...]] = field(default_factory=list)
    room: bool = True
    database: Database = field(default_factory=lambda: Database(None, wall))

    async def store(self, parcel: Parcel) -> int:
        assert parcel
        events = list(parcel.events)
        assert len(events) <= MOST
        assert events == sorted(events, key=lambda event: (event.created_at, event.id))
        # In the transaction: whoever is cancelled meanwhile leaves all of it or nothing.
        return await self.database.run(partial(self._take, parcel=parcel, events=events))

    def _take(
        self, connection: sqlite3.Connection, parcel: Parcel, events: Sequence[RawEvent]
    ) -> int:
        cursors.change(connection, parcel.marks)
        if events:
            self.batches.append(tuple(event.id for event in events))
        fresh = {event.id: event for event in events if event.id not in self.events}
        before = parcel.late_before
        if before is not None:
            self.late |= {id_ for id_, event in fresh.items() if event.created_at < before}
        self.events |= fresh
        for gap in parcel.gaps:
            self.gaps.setdefault(gap.uid, gap)
        return len(fresh)

    def may_feed(self) -> bool:
        return self.room

    def accounts_for(self, event: EventTruth) -> bool:
        """Whether it was kept, or it is said that it may be missing."""
        return event.id in self.events or any(
            gap.since <= event.created_at <= gap.until
            and gap.environment_id in {None, event.environment_id}
            and gap.topic in {None, event.topic}
            for gap in self.gaps.values()
        )


@dataclass
class Stage:
    emulator: Emulator
    session: Session
    database: Database
    options: Options
    began: float
    kept: Kept = field(init=False)
    feed: Feed = field(init=False)

    def __post_init__(self) -> None:
        self.kept = Kept(database=self.database)
        self.restart()

    def restart(self) -> None:
        """Forget what is only in memory."""
        self.feed = feed(
            self.session.flatfile, self.database, self.kept, self.environments, self.options
        )

    async def environments(self) -> Sequence[str]:
        return [environment.id for environment in await self.session.flatfile.environments()]

    async def read(self) -> Report:
        return await self.feed.read()

    async def rounds(self, number: int, pause: float = 30.0) -> None:
        for _ in range(number):
            await self.read()
            await asyncio.sleep(pause)

    def backfill(self, since: float, **changes: Any) -> Backfill:
        parts: dict[str, Any] = {
            "name": "past",
            "since": since,
            "flatfile": self.session.flatfile,
            "database": self.database,
            "environments": self.environments,
            "store": self.kept.store,
            "may_feed": self.kept.may_feed,
            "options": self.options,
            "wall": wall,
        }
        return Backfill(**(parts | changes))

    async def mark(self, scope: str = "feed") -> float | None:
        return await self.database.run(lambda connection: cursors.mark(connection, scope))

    def home(self, name: str = "production") -> str:
        return self.emulator.world.environment(name).id

    def truth(self, since: float, until: float = float("inf")) -> list[EventTruth]:
        return [e for e in self.emulator.world.events(since) if e.created_at <= until]

    def missing(self, since: float | None = None, until: float = float("inf")) -> list[str]:
        """Events neither kept nor in a gap, from the beginning of the log on."""
        begin = self.began - self.options.start if since is None else since
        return [e.topic for e in self.truth(begin, until) if not self.kept.accounts_for(e)]

    def asked(self) -> list[dict[str, str]]:
        return [r.query for r in self.emulator.requests if r.path == "/events"]


def feed(
    flatfile: Flatfile, database: Database, kept: Kept, environments: Any, options: Options
) -> Feed:
    return Feed(
        flatfile=flatfile,
        database=database,
        environments=environments,
        store=kept.store,
        may_feed=kept.may_feed,
        options=options,
        wall=wall,
    )


@asynccontextmanager
async def stage(
    scale: Scale = BUSY,
    *,
    quirks: dict[str, Any] | None = None,
    options: Options = OPTIONS,
    seed: int = 1,
) -> AsyncIterator[Stage]:
    """In virtual time; the store is in memory."""
    emulator = Emulator(World(scale, seed, wall), Quirks(**(quirks or {})))
    session = connect(
        "http://emulator/api/v1",
        lambda: ClientPair(CLIENT_ID, SECRET),
        timeout=30.0,
        concurrency=8,
        requests_per_second=1000,
        page_size=100,
        clock=wall,
        rng=Random(seed),
        transport=httpx.ASGITransport(emulator),
    )
    database = Database(None, wall)
    try:
        yield Stage(emulator, session, database, options, wall())
    finally:
        await session.aclose()
        await database.aclose()
