"""Lives of a writer that end with SIGKILL, at a boundary or at any time.

``python -m tests.audit.store.crash`` reads one order a line (``folder``, and ``boundary`` or
``seconds``), forks a writer that has everything imported, and answers what the writer had
acknowledged when it was gone. A boundary is the beginning of an SQL statement (also BEGIN, COMMIT
and each row of a batch), the end of a transaction before it is acknowledged, and each opening and
renaming of a file, as that of the signed head.

It shows what survives the end of the process, not of the machine: what was written is still in
the page cache.
"""

import asyncio
import json
import os
import select
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NoReturn, TypeVar, cast

from exporter.audit.feed.contract import Parcel
from exporter.audit.intake import Intake
from exporter.audit.joining import Options
from exporter.audit.retention import prune
from exporter.audit.store import cursors, delivery
from exporter.audit.store.checkpoints import checkpoint
from exporter.audit.store.database import Database
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from tests.audit.store.stage import KEY, NOW

T = TypeVar("T")

PAGE = 20
"""New events in each transaction."""
_OVERLAP = 5  # events that are shown once more
_KEPT = 200.0  # seconds, and as many events


def page(mark: int) -> list[int]:
    """The numbers of the events that are shown after ``mark``, always in the same order."""
    numbers = list(range(max(1, mark + 1 - _OVERLAP), mark + 1 + PAGE))
    Random(mark).shuffle(numbers)
    return numbers


def _event(number: int) -> RawEvent:
    """By nobody, so that nobody is looked up."""
    id_ = f"us_evt_{number}"
    return RawEvent(id=id_, topic="commit:created", created_at=NOW + number, raw={"id": id_})


async def _round(intake: Intake) -> int:
    """What the feed does with a page; now and then a checkpoint, and prune."""
    mark = await intake.database.run(lambda log: int(cursors.mark(log, "feed") or 0))
    parcel = Parcel(events=[*map(_event, page(mark))], marks=[("feed", mark + PAGE)])
    mark += PAGE
    now = NOW + mark
    appended = await intake.keep(cast("Flatfile", None), parcel, source="feed", now=now)
    await intake.database.run(partial(_tend, mark=mark, upto=appended.last, now=now))
    return mark


def _tend(log: sqlite3.Connection, mark: int, upto: int, now: float) -> None:
    delivery.register(log, "file")
    delivery.acknowledge(log, "file", upto, {}, now)
    if mark // PAGE % 2 == 0:
        checkpoint(log, KEY, now)
    if mark // PAGE % 3 == 0:
        prune(log, KEY, before=now - _KEPT, now=now)


class _Mortal(Database):
    def __init__(self, folder: Path, boundary: int) -> None:
        super().__init__(folder, lambda: NOW, key=KEY)
        self._left = boundary

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(self.pass_boundary)
        super()._migrate(connection)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result = super()._transact(work)
        self.pass_boundary()
        return result

    def pass_boundary(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def _live(folder: Path, boundary: int, pipe: int) -> None:
    writer = _Mortal(folder, boundary)
    sys.addaudithook(
        lambda event, _: writer.pass_boundary() if event in {"open", "os.rename"} else None
    )
    intake = Intake(database=writer, options=Options(), keep_plain=True, workers=1)
    while True:
        mark = await _round(intake)
        os.write(pipe, f"{mark}\n".encode())


def _born(order: dict[str, Any], pipe: int) -> NoReturn:
    try:
        asyncio.run(_live(Path(order["folder"]), order.get("boundary", -1), pipe))
    finally:
        os._exit(1)  # it only gets here by a mistake, which asyncio has raised


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _born(order, writing)
    os.close(writing)
    if "seconds" in order:
        select.select([], [], [], order["seconds"])
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        acknowledged = pipe.read().split()
    _, status = os.waitpid(child, 0)
    return {
        "acknowledged": int(acknowledged[-1]) if acknowledged else None,
        "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
    }


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
