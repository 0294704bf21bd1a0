"""Events a second from pages in memory to counted and committed, against bare SQLite.

Bare is: the rows of the table ``seen`` into the same tables with the same pragmas, a transaction
for each page. It tells nothing apart and adds nothing up.
"""

import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

from exporter.collectors.eventfeed import FEED
from exporter.collectors.events import ALWAYS
from exporter.collectors.feed import read
from exporter.state import store, tally
from exporter.state.schema import migrate
from exporter.state.store import Store
from tests.benchmarks.measure import Contestant, Effort, Figures, alternate, line

_Page = tuple[tally.Item, ...]


async def run(effort: Effort) -> None:
    for environments in (5, 200):
        for size in (100, 1_000):
            count = effort.size(50_000, 2_000)
            pages = _pages(count, size, environments)
            found = await alternate(effort.turns(5), _ours(pages), _bare(pages))
            ours, bare = (count / found.median(who) for who in ("ours", "bare"))
            line(
                f"events a second, pages of {size:,}, {environments} environments, ours / bare",
                found.ratios(("bare",), ("ours",)),
                f"{ours:,.0f} against {bare:,.0f}",
            )


def _pages(count: int, size: int, environments: int) -> list[_Page]:
    """Newest first, as the emulated account lists them; ids without any order."""
    dice = Random(1)
    now = time.time()
    items = [
        tally.Item(
            key=f"us_evt_{dice.randbytes(8).hex()}",
            at=now - number * 0.01,
            environment_id=f"us_env_{dice.randrange(environments):016x}",
            topic=dice.choice(ALWAYS),
        )
        for number in range(count)
    ]
    return [tuple(items[at : at + size]) for at in range(0, count, size)]


def _ours(pages: list[_Page]) -> Contestant:
    async def asked(_: float) -> AsyncIterator[_Page]:
        for page in pages:
            yield page

    async def contestant() -> Figures:
        wall = time.time()
        with tempfile.TemporaryDirectory() as folder:
            kept = Store(Path(folder), time.time)
            await kept.run(_nothing)  # the file is there before the clock starts
            began = time.perf_counter()
            await read(
                kept,
                asked,
                feed=FEED,
                cursor=FEED,
                first=tally.Cursor(origin=wall - 3_600, mark=wall - 3_600),
                overlap=60.0,
                wall=wall,
            )
            taken = time.perf_counter() - began
            (counted,) = await kept.run(_counted)
            assert counted == sum(map(len, pages))
            await kept.aclose()
        return {"ours": taken}

    return contestant


def _nothing(_: sqlite3.Connection) -> None:
    pass


def _counted(connection: sqlite3.Connection) -> Iterator[int]:
    return iter(connection.execute("SELECT sum(total) FROM tally").fetchone())


def _bare(pages: list[_Page]) -> Contestant:
    async def contestant() -> Figures:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA cache_size=-{store._CACHE}")
            connection.execute(f"PRAGMA wal_autocheckpoint={store._CHECKPOINT}")
            migrate(connection)
            began = time.perf_counter()
            for page in pages:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "INSERT INTO seen VALUES (?, ?, 1)", [(item.key, item.at) for item in page]
                )
                connection.execute("COMMIT")
            return {"bare": time.perf_counter() - began}

    return contestant
