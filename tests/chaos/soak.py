"""The whole daemon as a process, for as long as one likes: ``python -m tests.chaos.soak --hours 8``.

It collects from an emulated account, a process of its own, whose faults come and go, is scraped
all the while, and keeps its state on a disk. At the end what it holds must not have grown.
"""

import argparse
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from random import Random

from tests.chaos import troubles
from tests.chaos.page import Page
from tests.chaos.slopes import LEAST, Slope, slopes
from tests.chaos.troubles import Trouble
from tests.support.processes import (
    CREDENTIAL,
    Account,
    Exporter,
    account,
    ask,
    eventually,
    quick,
    running,
)

_SAMPLES = 120  # at the most, evenly over the time
_SCRAPE = 1.0  # seconds between two scrapes
_CALM, _BLOWS = 12.0, 8.0  # seconds without and with faults, on average
_MIB = 1024 * 1024
TOLERANCES = {"memory": 3.0 * _MIB, "files": 2.0, "tasks": 3.0, "threads": 1.0, "state": 65_536.0}
LIVELY = ("--spaces=60", "--guests=30", "--users=30", "--events-per-minute=120", "--rare=0.02")
FLAGS = (
    *quick("environments", "agents", "events"),
    "--collector.users.interval=5s",
    "--collector.spaces.interval=5s",
    "--collector.guests.interval=30s",
    "--api.timeout=2s",
    "--events.window=2m",
    "--events.overlap=30s",
    "--log.level=error",
)


class Wrong(Exception):
    """Something did not hold on the way."""


@dataclass
class Soak:
    """What was seen; ``taken`` at even intervals."""

    taken: list[Mapping[str, float]] = field(default_factory=list)
    scrapes: int = 0
    faults: int = 0
    failures: float = 0.0
    highest: dict[object, float] = field(default_factory=dict)

    def slopes(self) -> list[Slope]:
        return list(slopes(self.taken, TOLERANCES))


def soak(folder: Path, seconds: float, seed: int = 1) -> Soak:
    """Raises Wrong if a counter falls, or if health or a page is not answered."""
    found, dice = Soak(), Random(f"soak {seed}")
    with account(folder, *LIVELY) as emulated, _daemon(folder, emulated) as (daemon, tasks):
        eventually(lambda: ask(f"{daemon.url}/-/ready").status == 200)
        began = time.monotonic()
        each = max(seconds / _SAMPLES, seconds / LEAST / 5)
        next_fault = 0.0
        on: list[Trouble] = []
        while (now := time.monotonic() - began) < seconds:
            _scrape(daemon, found)
            if now >= len(found.taken) * each:
                found.taken.append(_figures(daemon, folder, tasks))
            if now >= next_fault:
                on = [] if on else _some(dice)
                found.faults += len(on)
                emulated.do("faults", [one.fault.as_json() for one in on if one.fault])
                next_fault = now + dice.expovariate(1 / (_BLOWS if on else _CALM))
            time.sleep(_SCRAPE)
    return found


def _some(dice: Random) -> list[Trouble]:
    """One to three troubles that are faults of the account."""
    makers = [maker for _, maker in troubles.OFTEN]
    weights = [often for often, _ in troubles.OFTEN]
    made = (dice.choices(makers, weights)[0](dice) for _ in range(9))
    return [one for one in made if one.fault is not None][: dice.randrange(1, 4)]


@contextmanager
def _daemon(folder: Path, emulated: Account) -> Iterator[tuple[Exporter, Path]]:
    """With the file that says how many tasks it has."""
    tasks = folder / "tasks"
    address = ("--web.listen-address=127.0.0.1:0", f"--api.url={emulated.api}")
    rest = (f"--storage.path={folder / 'data'}", "--api.requests-per-second=200")
    command = [sys.executable, "-m", "tests.chaos.watched", str(tasks), *address, *rest, *FLAGS]
    env = {**CREDENTIAL, "PYTHONPATH": str(Path(__file__).parents[2])}
    with running(command, folder, env=env) as run:
        yield Exporter(run, eventually(lambda: _listening(run.pid))), tasks


def _listening(pid: int) -> str | None:
    """Its log says nothing below an error here, so the system is asked for its port."""
    inodes = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        if found := re.fullmatch(r"socket:\[(\d+)\]", str(one.readlink())):
            inodes.add(found[1])
    for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            return f"http://127.0.0.1:{int(fields[1].split(':')[1], 16)}"
    return None


def _scrape(daemon: Exporter, found: Soak) -> None:
    if not daemon.run.alive:
        raise Wrong(f"the daemon ended:\n{daemon.run.stderr}")
    try:
        health, reply = ask(f"{daemon.url}/-/healthy").status, daemon.page()
    except (OSError, HTTPException) as error:
        raise Wrong(f"not answered: {error!r}") from error
    if (health, reply.status) != (200, 200):
        raise Wrong(f"health {health}, page {reply.status}")
    page = Page.parse(reply.body)
    for of in page.counters:
        if page.samples[of] < found.highest.get(of, 0.0):
            raise Wrong(f"a counter fell: {of}")
        found.highest[of] = page.samples[of]
    found.scrapes += 1
    found.failures = sum(page.of("flatfile_collector_failures_total").values())


def _figures(daemon: Exporter, folder: Path, tasks: Path) -> Mapping[str, float]:
    process = Path(f"/proc/{daemon.run.pid}")
    threads = re.search(r"Threads:\s+(\d+)", (process / "status").read_text(encoding="ascii"))
    counted = eventually(lambda: tasks.read_text(encoding="ascii"))
    state = f"file:{folder / 'data' / 'state.db'}?mode=ro"
    with closing(sqlite3.connect(state, uri=True)) as reading:
        (pages,) = reading.execute("PRAGMA page_count").fetchone()
        (size,) = reading.execute("PRAGMA page_size").fetchone()
    return {
        "memory": float(daemon.run.memory()),
        "files": float(len(list((process / "fd").iterdir()))),
        "tasks": float(counted),
        "threads": float(threads[1]) if threads else 0.0,
        "state": float(pages * size),
    }


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = soak(Path(folder), chosen.hours * 3600, chosen.seed)
        except Wrong as wrong:
            print(f"soak with seed {chosen.seed}: {wrong}", file=sys.stderr)
            return 1
    print(
        f"daemon: {chosen.hours:g} h, {found.scrapes:,} scrapes, {found.faults} faults,"
        f" {found.failures:g} failed rounds"
    )
    risen = 0
    for one in found.slopes():
        print(f"  {one}")
        risen += one.rises
    return 1 if risen else 0


if __name__ == "__main__":
    # Leave by the way of an exception, so that the daemon and its account are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
