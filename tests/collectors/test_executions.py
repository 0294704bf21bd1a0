"""Each execution is counted exactly once, by the server's times."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from exporter.collectors import executions
from exporter.emulator import Quirks
from exporter.flatfile import topics
from tests.support.account import BUSY, STILL, Bench, bench, wall

LISTENED = "job:ready"  # agents of the emulated account run for it

QUIRKS: list[dict[str, Any]] = [
    {},
    {"page_size_max": 7},
    {"page_zero_based": True, "pagination_object": False},
    {"pagination_object": False, "page_size_max": 10, "page_size_over": "refuse"},
]


def _name(quirks: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in quirks.items()) or "plain"


def _truth(it: Bench, origin: float) -> Counter[tuple[str, str, str]]:
    history = it.emulator.world.account.history
    return Counter(
        (of.id, topics.label(run.topic), "success" if run.success else "failure")
        for of in it.emulator.world.account.environments
        for run in history.executions(of.id)
        if run.at >= origin
    )


async def _counts(it: Bench) -> dict[Any, float]:
    seen = await it.samples(executions.COLLECTOR)
    return {of: n for of, n in seen.get("flatfile_agent_executions_total", {}).items() if n}


async def _until_now(it: Bench) -> None:
    it.emulator.world.rest()
    await asyncio.sleep(60)  # what runs has ended


@pytest.mark.parametrize("quirks", QUIRKS, ids=_name)
async def test_half_an_hour_of_executions_is_counted_exactly(quirks: dict[str, Any]) -> None:
    async with bench(BUSY, quirks=Quirks(**quirks)) as it:
        origin = wall() - it.settings.events.window
        for _ in range(30):
            await it.look(executions.COLLECTOR)
            await asyncio.sleep(60)
        await _until_now(it)
        assert await _counts(it) == _truth(it, origin)


@pytest.mark.parametrize("ahead", [3_600.0, 86_400.0])
async def test_an_environment_that_came_while_the_clock_was_ahead_is_counted_all_the_same(
    ahead: float,
) -> None:
    async with bench(BUSY) as it:
        origin = wall() - it.settings.events.window
        await it.look(executions.COLLECTOR)
        it.skew = ahead
        home = it.emulator.world.create_environment().id
        it.emulator.world.deploy_agent(home, "default")
        await asyncio.sleep(100)  # until the environments are listed afresh
        await it.look(executions.COLLECTOR)
        it.skew = 0.0
        it.emulator.world.add_events(5, environment_id=home, topic=LISTENED)
        await _until_now(it)
        found = await _counts(it)
        assert sum(n for (of, *_), n in found.items() if of == home) >= 5
        assert found == _truth(it, origin)


@pytest.mark.parametrize("skew", [-86_400.0, -3_600.0, 3_600.0, 86_400.0])
async def test_a_clock_that_is_wrong_for_a_while_neither_loses_nor_doubles(skew: float) -> None:
    async with bench(BUSY) as it:
        origin = wall() - it.settings.events.window
        for number in range(30):
            it.skew = skew if number in range(3, 20) else 0.0
            await it.look(executions.COLLECTOR)
            await asyncio.sleep(60)
        await _until_now(it)
        assert await _counts(it) == _truth(it, origin)


async def test_a_quiet_account_whose_clock_was_ahead_counts_the_next_execution() -> None:
    async with bench(STILL) as it:
        for number in range(4):
            it.skew = 86_400.0 if number == 1 else 0.0
            await it.look(executions.COLLECTOR)
            await asyncio.sleep(60)
        before = sum((await _counts(it)).values())
        home = next(e.id for e in it.emulator.world.account.environments)
        it.emulator.world.deploy_agent(home, "default")
        added = it.emulator.world.add_events(3, environment_id=home, topic=LISTENED)
        ran = {
            run.at
            for run in it.emulator.world.account.history.executions(home)
            if run.event_id in added
        }
        await asyncio.sleep(60)
        assert sum((await _counts(it)).values()) == before + len(ran) > before
