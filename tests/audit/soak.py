"""Kill the writer of the audit log again and again, and look each time at what it left.

``python -m tests.audit.soak --kills 1000``. Of a new log the first life ends at one of its first
boundaries, so that also the making of the tables is interrupted; then every other one ends at a
boundary (all of them in turn, in steps) and the rest at any time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Any

from exporter.audit import head_file
from exporter.audit.store import chain, cursors, tallies
from exporter.audit.store.database import HEAD_FILE, reader
from exporter.audit.verify import verify
from exporter.errors import StorageFailed
from tests.audit.store.crash import PAGE, page
from tests.audit.store.stage import KEY, uids

_LIVES = 10  # of one log
_BEGINNING = 120  # boundaries until the first transaction of a new log is over, and some more
_BOUNDARIES = 401  # of a life, enough for several transactions; prime, so that steps reach all
_STEP = 37
_LONGEST = 0.06  # seconds of a life that ends at any time

EXACTLY = "all that was acknowledged"
ONE_MORE = "one batch more"
NOTHING = "before there was a log"


@dataclass
class Soak:
    """``ends`` counts what was found after the kills."""

    kills: int = 0
    logs: int = 0
    records: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        ends = ", ".join(f"{end}: {times:,}" for end, times in self.ends.most_common())
        return f"{self.kills:,} kills of {self.logs:,} logs, {self.records:,} records; {ends}"


def soak(folder: Path, kills: int) -> Soak:
    """Kill so many times. Raises AssertionError at the first log that is not as it must be."""
    dice = Random(1)
    found = Soak()
    with _nursery() as nursery:
        while found.kills < kills:
            log, known = folder / str(found.logs), 0
            for life in range(min(_LIVES, kills - found.kills)):
                ended = _ask(nursery, {"folder": str(log), **_order(dice, found, life)})
                assert ended["killed"], "it was not killed but failed: see its standard error"
                known = _look(log, ended["acknowledged"] or known, found)
                found.kills += 1
            found.logs += 1
            found.records += known
    return found


def _order(dice: Random, found: Soak, life: int) -> Mapping[str, float]:
    if life == 0:
        return {"boundary": 1 + found.logs * 7 % _BEGINNING}
    if life % 2:
        return {"boundary": 1 + found.kills * _STEP % _BOUNDARIES}
    return {"seconds": dice.uniform(0, _LONGEST)}


def _look(folder: Path, acknowledged: int, found: Soak) -> int:
    """Up to which event the log has everything, once it is as it must be."""
    try:
        log = reader(folder)
    except StorageFailed:  # neither file nor tables
        assert acknowledged == 0, f"{acknowledged} events were acknowledged and there is no log"
        found.ends[NOTHING] += 1
        return 0
    with closing(log):
        mark = int(cursors.mark(log, "feed") or 0)
        assert mark in {acknowledged, acknowledged + PAGE}, f"{mark} after {acknowledged}"
        found.ends[EXACTLY if mark == acknowledged else ONE_MORE] += 1
        expected, shown = _expected(mark)
        (pruned,) = log.execute("SELECT pruned FROM chain").fetchone()
        assert uids(log) == [f"us_evt_{number}" for number in expected[pruned:]]
        assert chain.head(log).sequence == mark
        counts = tallies.reading(log)
        assert (counts.records, counts.duplicates) == (mark, shown - mark)
        kept = head_file.read(folder / HEAD_FILE)
        verdict = verify(log, public_key=KEY.public, head=kept)
        assert verdict.ok or mark == 0, f"record {verdict.sequence}: {verdict.problem}"
    return mark


def _expected(mark: int) -> tuple[list[int], int]:
    """The events up to ``mark`` in the order in which they were first shown; how many were shown."""
    pages = [page(before) for before in range(0, mark, PAGE)]
    return list(dict.fromkeys(n for shown in pages for n in shown)), sum(map(len, pages))


@contextmanager
def memory_disk() -> Iterator[Path]:
    """A folder in memory where there is one: what the end of a process leaves is the same there."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def _nursery() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.audit.store.crash"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        yield nursery  # on leaving, its input is closed, and with that it ends


def _ask(nursery: "subprocess.Popen[str]", order: Mapping[str, Any]) -> Any:
    orders, answers = nursery.stdin, nursery.stdout
    assert orders is not None
    assert answers is not None
    return _exchange(orders, answers, order)


def _exchange(orders: IO[str], answers: IO[str], order: Mapping[str, Any]) -> Any:
    print(json.dumps(order), file=orders, flush=True)
    return json.loads(answers.readline())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.audit.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    kills = parser.parse_args().kills
    began = time.monotonic()
    with memory_disk() as folder:
        print(f"audit log: {soak(folder, kills)} ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
