"""Records of the audit log a second, against bare SQLite.

``drafts`` to committed, chained and signed records is what the store costs; the whole way begins
with events in memory, as the API gave them, and is what the feed goes: as many at a time as it
holds, those that stand already are told apart, then they are selected, joined and appended. Bare
is: the rows that came of it into the same tables with the same pragmas, a transaction for each
thousand. It makes nothing, hashes nothing and counts nothing. Whoever is named is in memory, as in
a process that has run for an hour. Each begins with a copy of the same log: one without a record,
and one of a few days, in whose larger index of ids every insert costs more.

A scrape meanwhile is compared with one while another process takes in the same: that is what the
machine leaves, whoever gives way to whom.
"""

import asyncio
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exporter.app.start import spare_the_loop
from exporter.audit import unknown
from exporter.audit.changes import learn_environments, learn_spaces, learn_users
from exporter.audit.feed.batch import MOST
from exporter.audit.feed.contract import Parcel
from exporter.audit.intake import Intake
from exporter.audit.joining import Options, drafts
from exporter.audit.keys import SigningKey
from exporter.audit.knowledge.memory import Memory
from exporter.audit.record import Draft
from exporter.audit.store import chain, database
from exporter.audit.store.database import FILE, Database
from exporter.flatfile.models import Environment, Space, User
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from exporter.precedence import GiveWay, never
from tests.benchmarks.loop import lags
from tests.benchmarks.measure import Contestant, Effort, Figures, alternate, line, ms, percentile
from tests.benchmarks.programs import python, said
from tests.benchmarks.stage import stage

_MANY = 150_000  # events
_TOGETHER = 1_000  # rows in a transaction of bare SQLite
_ACTORS, _SPACES, _ENVIRONMENTS = 300, 1_000, 20
_TOPICS = ("commit:created", "records:updated", "job:completed", "file:created", "space:updated")

_SCRAPER = """
import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    time.sleep(0.01)
    began = time.perf_counter()
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    connection.getresponse().read()
    print(time.perf_counter() - began)
"""


async def run(effort: Effort) -> None:
    size = effort.size(20_000, 2_000)
    older = effort.size(100_000, 1_000)
    events = _events(size + older)
    new, days = events[:size], events[size:]
    spare_the_loop()
    for before in ([], days):
        await _appended(effort, new, before)
    many = _many(new)
    await _loop(effort, many)
    await _scraped(effort, many, size)


async def _appended(effort: Effort, events: list[RawEvent], before: list[RawEvent]) -> None:
    size, standing = len(events), len(before)
    with tempfile.TemporaryDirectory() as name:
        log = _Log(Path(name), SigningKey(Ed25519PrivateKey.generate()))
        await log.begin(before)
        made, rows = await _made(log, events)
        found = await alternate(
            effort.turns(7),
            _store("store", log, made),
            _whole("whole", log, events),
            _bare(log, rows),
        )
    for who, what in (("store", "drafts to records"), ("whole", "events to records")):
        ours, bare = (size / found.median(name) for name in (who, "bare"))
        line(
            f"audit log of {standing:,} records, {what}, time of ours / bare",
            found.ratios((who,), ("bare",)),
            f"{ours:,.0f} a second against {bare:,.0f}",
        )


async def endlessly(size: int) -> None:
    """Take in so many events again and again, each time into a new log: a process of its own."""
    events = _many(_events(size))
    print("ready", flush=True)
    while True:
        with tempfile.TemporaryDirectory() as folder:
            async with _opened(Path(folder)) as log:
                await _take_in(log, events, never)


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[Database]:
    log = Database(folder, time.time, key=SigningKey(Ed25519PrivateKey.generate()))
    try:
        await log.run(_known)
        yield log
    finally:
        await log.aclose()


@asynccontextmanager
async def _busy(events: list[RawEvent], give_way: GiveWay) -> AsyncIterator[Database]:
    """Events come in as fast as they can be kept, while this lasts."""
    with tempfile.TemporaryDirectory() as folder:
        async with _opened(Path(folder)) as log:
            taking = asyncio.create_task(_take_in(log, events, give_way))
            try:
                yield log
                if taking.done():
                    raise RuntimeError("all events were taken in before the end; make more of them")
            finally:
                taking.cancel()
                await asyncio.wait({taking})


async def _loop(effort: Effort, events: list[RawEvent]) -> None:
    """How late the event loop wakes up while events come in as fast as they can be kept."""
    seconds = 0.3 if effort.quick else 1.0

    async def busy() -> Figures:
        async with _busy(events, never):
            return await lags("feed", seconds)

    found = await alternate(effort.turns(5), partial(lags, "idle", seconds), busy)
    for measure in ("p99", "max"):
        name, idle = f"feed, {measure}", f"idle, {measure}"
        line(
            f"loop lag while the audit log takes in events, {measure}, / idle loop",
            found.ratios((name,), (idle,)),
            f"{ms(found.median(name))} against {ms(found.median(idle))}",
        )


async def _scraped(effort: Effort, events: list[RawEvent], size: int) -> None:
    """How long a scrape takes meanwhile, by a scraper that is another process."""
    series, scrapes = effort.size(100_000, 1_000), effort.size(60, 5)
    other = (
        f"import asyncio; from tests.benchmarks import audit; asyncio.run(audit.endlessly({size}))"
    )
    async with stage(series) as made, made.served() as port:

        async def idle() -> Figures:
            return await _scrape("idle", port, scrapes)

        async def busy() -> Figures:
            async with _busy(events, made.daemon._precedence.give_way) as log:
                began = time.perf_counter()
                found = await _scrape("feed", port, scrapes)
                kept = (await log.run(chain.head)).sequence
                return {**found, "feed, rate": kept / (time.perf_counter() - began)}

        async def elsewhere() -> Figures:
            with python("-c", other) as process:
                await asyncio.to_thread(said, process)
                return await _scrape("elsewhere", port, scrapes)

        found = await alternate(effort.turns(5), idle, busy, elsewhere)
    rate = f"; {found.median('feed, rate'):,.0f} events a second meanwhile"
    for who, what, more in (
        ("feed", "while the audit log takes in events", rate),
        ("elsewhere", "while another process takes them in", ""),
    ):
        for measure in ("p50", "p99"):
            name, quiet = f"{who}, {measure}", f"idle, {measure}"
            line(
                f"scrape of {series:,} series, gzip, {what}, {measure}, / without",
                found.ratios((name,), (quiet,)),
                f"{ms(found.median(name))} against {ms(found.median(quiet))}{more}",
            )


async def _scrape(name: str, port: int, scrapes: int) -> Figures:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SCRAPER, str(port), str(scrapes), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    taken = [float(word) for word in said.split()]
    return {f"{name}, p50": percentile(taken, 0.5), f"{name}, p99": percentile(taken, 0.99)}


async def _take_in(log: Database, events: list[RawEvent], give_way: GiveWay) -> None:
    intake = _intake(log, give_way)
    for held in _held(events):
        await _keep(intake, held)


def _many(events: list[RawEvent]) -> list[RawEvent]:
    """More than can be taken in. Made before the clock starts: to make them takes the lock."""
    return [
        RawEvent(id=f"{it.id}{turn}", topic=it.topic, created_at=it.created_at, raw=it.raw)
        for turn in range(_MANY // len(events))
        for it in events
    ]


def _held(events: list[RawEvent]) -> Iterator[list[RawEvent]]:
    """As many at a time as the feed holds."""
    return (events[at : at + MOST] for at in range(0, len(events), MOST))


def _intake(log: Database, give_way: GiveWay = never) -> Intake:
    return Intake(database=log, options=Options(), keep_plain=True, workers=1, give_way=give_way)


async def _keep(intake: Intake, events: list[RawEvent]) -> None:
    asked = cast("Flatfile", None)  # nobody is unknown, so that nobody is asked for
    await intake.keep(asked, Parcel(events=events), source="feed", now=time.time())


def _events(size: int) -> list[RawEvent]:
    """As large as those of the API notes (section 9.1): about a kilobyte each."""
    dice = Random(1)
    began = time.time() - size * 0.01
    events = []
    for number in range(size):
        id_ = f"us_evt_{dice.randbytes(8).hex()}"
        topic = dice.choice(_TOPICS)
        space = dice.randrange(_SPACES)
        context = {
            "accountId": "us_acc_0123456789abcdef",
            "environmentId": f"us_env_{space % _ENVIRONMENTS:016x}",
            "spaceId": f"us_sp_{space:016x}",
            "workbookId": f"us_wb_{dice.randbytes(8).hex()}",
            "sheetId": f"us_sh_{dice.randbytes(8).hex()}",
            "versionId": f"us_vr_{dice.randbytes(8).hex()}",
            "actorId": f"us_usr_{dice.randrange(_ACTORS):016x}",
        }
        created = f"2026-01-01T{number // 360_000:02d}:00:00.000Z"
        raw: dict[str, Any] = {
            "id": id_,
            "topic": topic,
            "domain": topic.split(":")[0],
            "createdAt": created,
            "dataUrl": f"https://example.invalid/v1/events/{id_}/data",
            "target": "flatfile",
            "namespaces": [],
            "attributes": {"progress": {"current": number, "total": size}},
            "origin": {"id": f"us_ag_{space % 7:016x}", "slug": "importer"},
            "context": context,
            "payload": {"status": "complete", "operation": "map", "info": "x" * 200},
        }
        events.append(RawEvent(id=id_, topic=topic, created_at=began + number * 0.01, raw=raw))
    return events


def _known(connection: sqlite3.Connection) -> None:
    """Who does all that, and where: in an account they are known, and stand in each record."""
    users = [
        User(
            id=f"us_usr_{number:016x}",
            name=f"Somebody {number}",
            email=f"somebody{number}@mail.example",
        )
        for number in range(_ACTORS)
    ]
    spaces = [
        Space(
            id=f"us_sp_{number:016x}",
            name=f"Import {number}",
            environment_id=f"us_env_{number % _ENVIRONMENTS:016x}",
        )
        for number in range(_SPACES)
    ]
    environments = [
        Environment(id=f"us_env_{number:016x}", name=f"Region {number}")
        for number in range(_ENVIRONMENTS)
    ]
    since = time.time() - 86_400
    learn_users(connection, users, since, keep_plain=True)
    learn_spaces(connection, spaces, since)
    learn_environments(connection, environments, since)


def _join(connection: sqlite3.Connection, part: list[RawEvent], memory: Memory) -> Iterator[Draft]:
    return drafts(
        connection,
        part,
        late_before=None,
        source="feed",
        now=time.time(),
        options=Options(),
        memory=memory,
    )


@dataclass(frozen=True, slots=True)
class _Log:
    """A log that each contestant begins with a copy of."""

    folder: Path
    key: SigningKey

    async def begin(self, events: list[RawEvent]) -> None:
        """Who does all that is known in it, and these events have been."""
        log = Database(self.folder, time.time, key=self.key)
        await log.run(_known)
        for held in _held(events):
            await _keep(_intake(log), held)
        await log.aclose()

    @contextmanager
    def copied(self) -> Iterator[Path]:
        """The folder of a copy."""
        with tempfile.TemporaryDirectory() as name:
            yield Path(shutil.copytree(self.folder, name, dirs_exist_ok=True))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        """A copy, of which the file is open when the clock starts."""
        with self.copied() as folder:
            log = Database(folder, time.time, key=self.key)
            await log.run(chain.head)
            try:
                yield log
            finally:
                await log.aclose()


async def _made(log: _Log, events: list[RawEvent]) -> tuple[list[list[Draft]], list[list[Any]]]:
    """The drafts of these events, and the rows that come of them, in transactions."""
    memory, made = Memory(), []

    def ingest(connection: sqlite3.Connection, part: list[RawEvent]) -> list[Any]:
        made.append(list(_join(connection, part, memory)))
        new = chain.append(connection, made[-1], now=time.time())
        rows = "SELECT * FROM record WHERE sequence >= ? ORDER BY sequence"
        return connection.execute(rows, (new.first,)).fetchall()

    parts = (events[at : at + _TOGETHER] for at in range(0, len(events), _TOGETHER))
    async with log.opened() as copy:
        rows = [await copy.run(partial(ingest, part=part)) for part in parts]
    return made, rows


def _store(name: str, log: _Log, parts: list[list[Draft]]) -> Contestant:
    async def contestant() -> Figures:
        async with log.opened() as copy:
            began = time.perf_counter()
            for part in parts:
                await copy.run(partial(chain.append, drafts=part, now=time.time()))
            return {name: time.perf_counter() - began}

    return contestant


def _whole(name: str, log: _Log, events: list[RawEvent]) -> Contestant:
    async def contestant() -> Figures:
        async with log.opened() as copy:
            intake = _intake(copy)
            now = time.time()
            known = partial(unknown.questions, batch=events, now=now, limit=0, memory=intake.memory)
            await copy.run(known)
            began = time.perf_counter()
            for held in _held(events):
                await _keep(intake, held)
            return {name: time.perf_counter() - began}

    return contestant


def _bare(log: _Log, parts: list[list[Any]]) -> Contestant:
    async def contestant() -> Figures:
        with (
            log.copied() as folder,
            closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            for name, value in database._MANNER.pragmas.items():
                connection.execute(f"PRAGMA {name}={value}")
            connection.execute("SELECT count(*) FROM chain").fetchone()
            began = time.perf_counter()
            for part in parts:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", part)
                connection.execute("COMMIT")
            return {"bare": time.perf_counter() - began}

    return contestant
