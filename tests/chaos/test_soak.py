"""Days of the whole daemon in virtual time, in changing weather, with its state on a disk."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest

from exporter.emulator import Scale
from tests.audit.soak import memory_disk
from tests.chaos.leaks import left
from tests.chaos.loop import ChaosLoop
from tests.chaos.page import Page
from tests.chaos.slopes import slopes
from tests.chaos.stage import Stage, stage
from tests.chaos.storms import storm

HOUR = 3600.0
HOURS = 48
BETWEEN = 900.0  # seconds from one trouble to the next, on average
EACH = 2 * HOUR  # a look at what there is
RATHER_SLOW: dict[str, Any] = {
    **{f"collector.{name}.interval": "5m" for name in ("environments", "agents", "events")},
    **{f"collector.{name}.interval": "1h" for name in ("spaces", "users", "guests")},
    "collector.executions": "false",
    "collector.retain": "2h",
    "api.page-size": "100",
}
SCALE = Scale(
    environments=3, spaces=12, users=8, guests=6, events_per_minute=2, rare=0.05, keep_events=2_000
)
TOLERANCES = {"objects": 1_500.0, "tasks": 2.0, "files": 1.0, "exchanges": 1.0, "state": 40_960.0}
"""Objects come and go with the account's own; SQLite grows by pages of 4 KiB, and reuses them."""

JOURNAL = 20 * 1024 * 1024  # bytes that SQLite's journal and index may have at the most


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": ChaosLoop}


def _size(state: sqlite3.Connection) -> float:
    """Bytes of all that it holds, wherever SQLite has put it: its journal is used over and over."""
    (pages,) = state.execute("PRAGMA page_count").fetchone()
    (size,) = state.execute("PRAGMA page_size").fetchone()
    return float(pages * size)


async def _figures(made: Stage) -> dict[str, float]:
    quiet = await left(made)
    return {
        "objects": float(quiet.objects_of_others),
        "tasks": float(sum(quiet.tasks.values())),
        "files": float(quiet.files),
        "exchanges": float(quiet.exchanges),
        "state": await made.daemon._store.run(_size),
    }


async def test_two_days_of_changing_weather_leave_nothing_behind() -> None:
    asyncio.current_task().set_name("chaos")  # type: ignore[union-attr] # there is one
    with memory_disk() as folder:
        async with stage(1, scale=SCALE, folder=folder, flags=RATHER_SLOW) as made:
            taken = [figures async for figures in _days(made)]
            page = Page.parse((await made.get("/metrics"))[1])
            failed = sum(page.of("flatfile_collector_failures_total").values())
            assert failed > 10, "that was no weather"
            size = sum(file.stat().st_size for file in folder.iterdir())
    found = list(slopes(taken, TOLERANCES))
    print(*found, sep="\n")
    assert not [str(one) for one in found if one.rises]
    assert size < taken[-1]["state"] + JOURNAL


async def _days(made: Stage) -> AsyncIterator[dict[str, float]]:
    loop = asyncio.get_running_loop()
    blows = storm(1, HOURS, between=BETWEEN)
    changes = [(b.at, b.trouble.begin) for b in blows] + [(b.until, b.trouble.end) for b in blows]
    looks = [(at * EACH, None) for at in range(1, int(HOURS * HOUR / EACH) + 1)]
    for at, act in sorted([*changes, *looks], key=lambda one: one[0]):
        await asyncio.sleep(at - loop.time())
        if act is not None:
            act(made)
            continue
        assert not made.running.done()
        status, body = await made.get("/metrics")
        assert status == 200
        Page.parse(body)
        yield await _figures(made)
