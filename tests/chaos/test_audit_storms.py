"""Storms of faults over the whole daemon with an audit log, in virtual time."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter.audit import head_file
from exporter.audit.place import LINES_FILE
from exporter.audit.store.database import FILE, HEAD_FILE
from exporter.audit.store.times import unix
from exporter.emulator.truth import EventTruth
from tests.audit.soak import memory_disk
from tests.chaos.auditlog import Happened, problems
from tests.chaos.harness import play
from tests.chaos.loop import ChaosLoop

HOURS = 0.4
SEEDS = (2, 10)
"""Fixed, so that each run is the same. In the first an environment goes while its events cannot be
had, in the second a burst comes between two pages of a server that counts from 0. Others: ``python
-m tests.chaos --audit --seed N --hours H``."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": ChaosLoop}


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_storm_each_event_is_recorded_once_and_handed_on(seed: int) -> None:
    with memory_disk() as folder:
        played = await play(seed, HOURS, audit=folder)
    print(played)
    assert played.failures > 3, "that was no storm"
    assert played.records > 300


def _edit(statement: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as log:
            log.execute(statement)

    return edit


def _lose_a_line(folder: Path) -> None:
    path = folder / LINES_FILE
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


TAMPERED: dict[str, Callable[[Path], None]] = {
    "does not verify": _edit("UPDATE record SET body = replace(body, 'job', 'jab')"),
    "holes": _edit("DELETE FROM record WHERE sequence = 5"),
    "not handed on": _lose_a_line,
}


def _happened(folder: Path) -> list[EventTruth]:
    """By the log itself."""
    with closing(sqlite3.connect(folder / FILE)) as log:
        records = [json.loads(body) for (body,) in log.execute("SELECT body FROM record")]
    return [
        EventTruth(one["uid"], one["environment"]["id"], one["topic"], unix(one["time"]))
        for one in records
        if one["kind"] == "event"
    ]


async def test_what_is_wrong_with_a_log_is_found() -> None:
    with memory_disk() as folder:
        await play(1, 0.01, audit=folder)
        head = head_file.read(folder / HEAD_FILE)
        assert head is not None
        events = _happened(folder)
        exist = frozenset(event.environment_id for event in events)

        def found(events: list[EventTruth]) -> str:
            happened = Happened(since=0.0, account_wide=True, events=events, environments=exist)
            return " ".join(problems(folder, head.public, happened))

        assert not found(events)
        lost = EventTruth("us_evt_lost", events[0].environment_id, "job:ready", 1.8e9)
        assert "not recorded: job:ready" in found([*events, lost])
        assert "which happened 0 times" in found(events[1:])
        for wrong, tamper in TAMPERED.items():
            tamper(folder)
            assert wrong in found(events)
