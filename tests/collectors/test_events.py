"""Each event is counted exactly once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import events
from exporter.emulator import Fault, Quirks
from exporter.errors import RoundError
from tests.support.account import BUSY, STILL, Bench, bench, wall

QUIRKS: list[dict[str, Any]] = [
    {},
    {"event_order": "oldest"},
    {"event_order": "id"},
    {"event_order": "shuffled"},
    {"since_inclusive": False},
    {"since_ignored": True},
    {"events_account_wide": 400},
    {"events_account_wide": 403},
    {"events_account_wide": "first"},
    {"page_size_max": 10},
    {"page_size_max": 20, "page_size_over": "refuse"},
    {"repeated_events": 0.3},
    {"late_share": 0.3, "late_seconds": 90},
    {"unknown_topics": True},
    {"include_acknowledged_default": True},
    {"page_zero_based": True},
    {"agent_domain": "agent"},
    {"optional_as_null": True},
    {"event_context_missing": 0.2},
]


def _name(quirks: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in quirks.items()) or "plain"


def _truth(it: Bench, since: float, until: float) -> int:
    return sum(1 for e in it.emulator.world.events() if since <= e.created_at <= until)


async def _total(it: Bench) -> float:
    seen = await it.samples(events.COLLECTOR)
    return float(sum(seen["flatfile_events_total"].values()))


@pytest.mark.parametrize("quirks", QUIRKS, ids=_name)
async def test_half_an_hour_of_events_is_counted_exactly(quirks: dict[str, Any]) -> None:
    async with bench(BUSY, quirks=Quirks(**quirks)) as it:
        origin = wall() - it.settings.events.window
        for _ in range(30):
            await it.look(events.COLLECTOR)
            await asyncio.sleep(60)
        it.emulator.world.advance()
        until = wall()
        it.emulator.quirks.late_share = 0
        await asyncio.sleep(100)  # whatever is late becomes visible
        total = await _total(it)
        assert _truth(it, origin, until) <= total <= _truth(it, origin, wall())
        assert total == _truth(it, origin, wall())


async def test_counts_are_by_environment_and_by_documented_topic() -> None:
    async with bench(STILL) as it:
        home = it.emulator.world.environment("production").id
        it.emulator.world.add_events(3, environment_id=home, topic="job:failed")
        it.emulator.world.add_events(2, environment_id=home, topic="brand:new")
        seen = await it.samples(events.COLLECTOR)
        assert seen["flatfile_events_total"][home, "job:failed"] >= 3
        assert seen["flatfile_events_total"][home, "other"] == 2


async def test_environments_without_events_show_the_topics_that_alerts_read_at_zero() -> None:
    async with bench(STILL) as it:
        added = it.emulator.world.create_environment("quiet")
        seen = await it.samples(events.COLLECTOR)
        assert seen["flatfile_events_total"][added.id, "job:failed"] == 0
        assert seen["flatfile_recent_events"][added.id, "agent:deleted"] == 0


async def test_recent_events_leave_the_window_and_stay_as_an_explicit_zero() -> None:
    async with bench(STILL) as it:
        home = it.emulator.world.environment("production").id
        it.emulator.world.add_events(5, environment_id=home, topic="file:created")
        seen = await it.samples(events.COLLECTOR)
        assert seen["flatfile_recent_events"][home, "file:created"] >= 5
        assert seen["flatfile_recent_events_window_seconds"][()] == 3600
        total = seen["flatfile_events_total"][home, "file:created"]
        await asyncio.sleep(3700)
        seen = await it.samples(events.COLLECTOR)
        assert seen["flatfile_recent_events"][home, "file:created"] == 0
        assert seen["flatfile_events_total"][home, "file:created"] == total


async def test_the_newest_event_has_its_time_on_the_page() -> None:
    async with bench(STILL) as it:
        home = it.emulator.world.environment("production").id
        it.emulator.world.add_events(1, environment_id=home, at=wall() - 5)
        seen = await it.samples(events.COLLECTOR)
        newest = seen["flatfile_environment_last_event_timestamp_seconds"][home,]
        assert newest == pytest.approx(wall() - 5, abs=0.01)


@pytest.mark.parametrize("skew", [-1800.0, 1800.0], ids=["behind", "ahead"])
async def test_a_clock_half_an_hour_off_neither_loses_nor_doubles(skew: float) -> None:
    async with bench(BUSY) as it:
        it.skew = skew
        origin = wall() + skew - it.settings.events.window
        for _ in range(20):
            await it.look(events.COLLECTOR)
            await asyncio.sleep(60)
        assert await _total(it) == _truth(it, origin, wall())


async def test_a_round_that_fails_in_the_middle_neither_loses_nor_doubles() -> None:
    async with bench(BUSY) as it:
        origin = wall() - it.settings.events.window
        failed = 0
        for number in range(40):
            if number % 3 == 0:
                it.emulator.faults.add(Fault("html", "/events", probability=0.7))
            try:
                await it.look(events.COLLECTOR)
            except RoundError:
                failed += 1
            it.emulator.faults.clear()
            await asyncio.sleep(30)
        assert failed > 3
        assert await _total(it) == _truth(it, origin, wall())


async def test_counts_go_on_where_they_were_after_a_restart(tmp_path: Path) -> None:
    async with bench(BUSY, folder=tmp_path) as it:
        origin = wall() - it.settings.events.window
        await it.look(events.COLLECTOR)
        await it.store.aclose()
        await asyncio.sleep(400)
        it.previous.clear()
        it.store = type(it.store)(tmp_path, wall)
        assert await _total(it) == _truth(it, origin, wall())


async def test_a_server_that_ignores_since_does_not_have_its_history_read_each_time() -> None:
    async with bench(BUSY, quirks=Quirks(since_ignored=True)) as it:
        await it.look(events.COLLECTOR)
        first = it.asked("/events")
        await it.look(events.COLLECTOR)
        assert it.asked("/events") - first < first / 3


async def test_acknowledged_events_count_too_and_none_is_ever_acknowledged() -> None:
    async with bench(BUSY) as it:
        await it.look(events.COLLECTOR)
        asked = [r for r in it.emulator.requests if r.path.endswith("/events")]
        assert asked
        assert all(request.query["includeAcknowledged"] == "true" for request in asked)
        assert it.emulator.dangerous_calls == []


async def test_where_the_account_may_not_be_asked_it_is_not_tried_again_each_round() -> None:
    async with bench(BUSY, quirks=Quirks(events_account_wide=403)) as it:
        for _ in range(5):
            await it.look(events.COLLECTOR)
        asked = [r for r in it.emulator.requests if r.path.endswith("/events")]
        assert sum("environmentId" not in request.query for request in asked) == 1


async def test_one_refusal_costs_some_minutes_of_asking_one_by_one_and_no_number() -> None:
    async with bench(BUSY) as it:
        origin = wall() - it.settings.events.window
        for refused in (False, True, False, False, False):
            it.emulator.quirks.events_account_wide = 403 if refused else "allowed"
            plan = (await it.look(events.COLLECTOR)).plan
            await asyncio.sleep(200)
        assert plan == "account-wide"
        assert await _total(it) == _truth(it, origin, wall())


@pytest.mark.parametrize("ahead", [3_600.0, 86_400.0])
async def test_a_clock_that_was_ahead_for_a_round_costs_no_event_of_late(ahead: float) -> None:
    async with bench(BUSY) as it:
        for _ in range(10):
            await it.look(events.COLLECTOR)
            await asyncio.sleep(60)
        it.skew = ahead
        await it.look(events.COLLECTOR)
        it.skew = 0.0
        seen = await it.samples(events.COLLECTOR)
        recent = sum(seen["flatfile_recent_events"].values())
        assert recent == _truth(it, wall() - it.settings.events.window, wall())


async def test_a_quiet_environment_is_not_taken_for_the_account_however_busy_the_others_are() -> (
    None
):
    few_items = {"api": {"page_size": "10"}}
    quirks = Quirks(events_account_wide="first")
    async with bench(STILL, quirks=quirks, settings=few_items) as it:
        world = it.emulator.world
        quiet, *others = (environment.id for environment in world.account.environments)
        world.add_events(1, environment_id=quiet, at=wall() - 600)
        for other in others:  # more than a page, all of it since then
            world.add_events(15, environment_id=other, spread=300)
        observation = await it.look(events.COLLECTOR)
        assert "environment by environment" in observation.plan
        assert await _total(it) == 1 + 15 * len(others)


async def test_an_environment_that_came_while_the_clock_was_ahead_is_counted_all_the_same() -> None:
    async with bench(BUSY, quirks=Quirks(events_account_wide=400)) as it:
        for _ in range(4):  # until nothing is left of the attempt to ask for the account
            await it.look(events.COLLECTOR)
            await asyncio.sleep(it.settings.events.window)
        await it.look(events.COLLECTOR)
        await asyncio.sleep(200)
        await it.look(events.COLLECTOR)
        it.skew = 86_400.0
        home = it.emulator.world.create_environment().id
        await asyncio.sleep(95)  # until the environments are listed afresh, and no longer
        await it.look(events.COLLECTOR)
        it.skew = 0.0
        it.emulator.world.add_events(5, environment_id=home, topic="file:created")
        seen = await it.samples(events.COLLECTOR)
        assert seen["flatfile_events_total"][home, "file:created"] == 5
        assert seen["flatfile_events_total"][home, "environment:created"] == 1


async def test_a_feed_that_is_refused_after_a_long_stop_is_read_on_by_environment() -> None:
    async with bench(BUSY) as it:
        origin = wall() - it.settings.events.window
        await it.look(events.COLLECTOR)
        await asyncio.sleep(3 * it.settings.events.window)
        it.previous.clear()  # by another process, which saw nothing yet
        it.emulator.quirks.events_account_wide = 403
        assert "environment by environment" in (await it.look(events.COLLECTOR)).plan
        assert await _total(it) == _truth(it, origin, wall())


@pytest.mark.parametrize("order", ["oldest", "newest"])
async def test_a_feed_of_one_quiet_environment_is_not_taken_for_all_by_what_is_long_past(
    order: Any,
) -> None:
    few_items = {"api": {"page_size": "10"}}
    quirks = Quirks(events_account_wide="first", event_order=order)
    async with bench(STILL, quirks=quirks, settings=few_items) as it:
        world = it.emulator.world
        _, *others = (environment.id for environment in world.account.environments)
        for other in others:  # more than a page of it from before anything is counted
            past = wall() - it.settings.events.window - 60
            world.add_events(15, environment_id=other, at=past, spread=300)
            world.add_events(2, environment_id=other, at=wall() - 5)
        observation = await it.look(events.COLLECTOR)
        assert "environment by environment" in observation.plan
        assert await _total(it) == 2 * len(others)


async def test_a_feed_that_nothing_spoke_for_is_looked_at_again_after_a_while() -> None:
    async with bench(STILL, quirks=Quirks(events_account_wide="first")) as it:
        world = it.emulator.world
        _, other, *_ = (environment.id for environment in world.account.environments)
        assert (await it.look(events.COLLECTOR)).plan == "account-wide"
        world.add_events(2, environment_id=other)
        await asyncio.sleep(400)
        assert "environment by environment" in (await it.look(events.COLLECTOR)).plan
        assert await _total(it) == 2


async def test_a_feed_that_is_proven_is_not_looked_at_again() -> None:
    """Two environments that it shows are enough: it is not that of one."""
    async with bench(BUSY) as it:
        it.emulator.world.create_environment("quiet")
        await it.look(events.COLLECTOR)
        await it.look(events.COLLECTOR)
        await asyncio.sleep(400)
        it.emulator.requests.clear()
        await it.look(events.COLLECTOR)
        assert not any(
            "environmentId" in r.query for r in it.emulator.requests if r.path == "/events"
        )
