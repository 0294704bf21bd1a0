"""Where a question is too large for the source, smaller ones are asked, and larger ones again."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.emulator import Fault
from exporter.emulator.topics import UNKNOWN
from exporter.errors import TimedOut
from tests.audit.feed.stage import BUSY, OPTIONS, STILL, Stage, stage
from tests.support.account import wall

DEEP = Fault("hang", route="/events", min_page=6, name="deep")
"""Pages beyond the fifth never come: 500 events of each question can be reached."""


async def _until_whole(it: Stage, most: int = 40) -> int:
    """How many rounds it took."""
    for number in range(1, most + 1):
        if (await it.read()).whole:
            return number
        await asyncio.sleep(30)
    pytest.fail("it never came to an end")


def _ways(it: Stage, begun: int) -> list[str]:
    """How each question was asked from then on, without repetitions."""
    ways: list[str] = []
    for query in it.asked()[begun:]:
        narrow = "topic" if "topic" in query else "environment" if "environmentId" in query else ""
        way = f"{narrow}{query['pageSize']}"
        if not ways or ways[-1] != way:
            ways.append(way)
    return ways


async def test_large_pages_that_time_out_become_small_ones_and_grow_again() -> None:
    async with stage(BUSY) as it:
        await it.read()
        it.emulator.faults.add(Fault("hang", route="/events", min_size=20))
        begun = len(it.asked())
        await _until_whole(it)
        assert not it.missing(until=wall() - 300)
        sizes = [query["pageSize"] for query in it.asked()[begun:]]
        assert [*dict.fromkeys(sizes)] == ["100", "25", "10"]
        it.emulator.faults.clear()
        begun = len(it.asked())
        for _ in range(3):
            assert (await it.read()).whole
        sizes = [query["pageSize"] for query in it.asked()[begun:]]
        assert [*dict.fromkeys(sizes)] == ["25", "100"]
        assert not it.kept.gaps


async def test_deep_pages_that_time_out_lead_to_environments_and_then_to_topics() -> None:
    async with stage(STILL) as it:
        await it.read()
        it.emulator.world.add_events(3000, at=wall() - 20, spread=1500)
        it.emulator.faults.add(DEEP)
        begun = len(it.asked())
        with capture_logs() as logs:
            await _until_whole(it)
            assert not it.missing(until=wall() - OPTIONS.settle)
            assert {event.id for event in it.truth(it.began - 1500)} <= it.kept.events.keys()
            # Topics that nobody documented cannot be asked for, and that is said.
            assert {gap.kind for gap in it.kept.gaps.values()} == {"topics"}
            assert len(it.kept.gaps) == 3
            for _ in range(12):
                await asyncio.sleep(30)
                report = await it.read()
            assert (report.way, report.narrowed) == ("account-wide", 0)
        said = [entry["event"] for entry in logs if entry["event"].startswith("audit_feed_")]
        assert said == ["audit_feed_narrowed", "audit_feed_widened"]
        assert it.asked()[-1]["pageSize"] == "100"
        order = [way for way in _ways(it, begun) if way.endswith("100")]
        assert order.index("100") < order.index("environment100") < order.index("topic100")


async def test_undocumented_topics_of_a_burst_are_kept_or_in_the_gap() -> None:
    async with stage(STILL) as it:
        home = it.home()
        world = it.emulator.world
        for topic in UNKNOWN[:2]:
            world.add_events(200, environment_id=home, topic=topic, at=wall() - 20, spread=900)
        for topic in ("job:ready", "job:updated", "commit:created", "layer:created"):
            world.add_events(200, environment_id=home, topic=topic, at=wall() - 20, spread=1500)
        it.emulator.faults.add(DEEP)
        await _until_whole(it)
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_a_single_topic_that_is_too_much_is_given_up_loudly_and_the_feed_goes_on() -> None:
    async with stage(STILL) as it:
        home = it.home()
        world = it.emulator.world
        world.add_events(
            1000, environment_id=home, topic="records:updated", at=wall() - 20, spread=1500
        )
        it.emulator.faults.add(DEEP)
        rounds = await _until_whole(it)
        assert rounds > 10
        assert {gap.kind for gap in it.kept.gaps.values()} == {"topics", "unreachable"}
        assert not it.missing(until=wall() - 800)
        (given_up,) = [gap for gap in it.kept.gaps.values() if gap.kind == "unreachable"]
        assert (given_up.environment_id, given_up.topic) == (home, "records:updated")
        assert len(it.kept.events) >= 300
        fresh = world.add_events(3)
        await asyncio.sleep(30)
        await _until_whole(it)
        assert set(fresh) <= it.kept.events.keys()


@pytest.mark.parametrize("kind", ["status", "hang", "html"])
async def test_an_outage_leaves_no_gap_however_long_it_is(kind: Any) -> None:
    async with stage(BUSY) as it:
        await it.read()
        it.emulator.faults.add(Fault(kind, route="/events"))
        for _ in range(14):
            report = await it.read()
            assert not report.whole
            assert report.error is not None
            await asyncio.sleep(30)
        asked = len(it.emulator.requests)
        it.emulator.faults.clear()
        await _until_whole(it)
        assert not it.kept.gaps
        assert not it.missing(until=wall() - OPTIONS.settle - 60)
        assert asked < 14 * 3 * 5 * 4 + 100  # not each of the 83 topics of each environment
        for _ in range(12):
            report = await it.read()
            await asyncio.sleep(30)
        assert report.narrowed == 0


@pytest.mark.parametrize("last", [1, 2, 3])
async def test_an_outage_that_ends_in_the_middle_of_a_round_leaves_no_gap(last: int) -> None:
    """It ends after so many topics of the first environment that is asked."""
    async with stage(BUSY) as it:
        await it.read()
        it.emulator.faults.add(Fault("html", route="/events", name="outage"))
        for _ in range(25):
            assert not (await it.read()).whole
            await asyncio.sleep(30)
        # Of the one round that meets its end: the whole of each environment, and some topics.
        it.emulator.faults.remove("outage")
        asked = len(await it.environments())
        it.emulator.faults.add(Fault("html", route="/events", count=asked + last))
        await _until_whole(it)
        assert not [gap for gap in it.kept.gaps.values() if gap.kind == "unreachable"]
        assert not it.missing(until=wall() - OPTIONS.settle - 60)


async def test_one_environment_in_trouble_does_not_hold_up_the_others() -> None:
    one = replace(OPTIONS, workers=1)
    async with stage(BUSY, quirks={"events_account_wide": 403}, options=one) as it:
        await it.read()
        sick = it.home("production")
        it.emulator.faults.add(Fault("status", route="/events", environment_id=sick, status=500))
        for _ in range(12):
            await asyncio.sleep(30)
            until = wall() - OPTIONS.settle
            report = await it.read()
            assert not report.whole
        for event in it.truth(it.began, until):
            assert (event.id in it.kept.events) == (event.environment_id != sick)
        it.emulator.faults.clear()
        await _until_whole(it)
        assert not it.missing(until=until)
        assert not it.kept.gaps


async def test_where_nothing_answers_not_every_environment_is_asked() -> None:
    many = replace(STILL, environments=40, spaces=40)
    async with stage(many, quirks={"events_account_wide": 403}) as it:
        assert (await it.read()).whole
        it.emulator.faults.add(Fault("status", route="/events", status=500))
        for _ in range(3):
            begun = len(it.asked())
            assert not (await it.read()).whole
            assert len({query["environmentId"] for query in it.asked()[begun:]}) <= 20
        it.emulator.faults.clear()
        assert (await it.read()).whole


async def test_pages_oldest_first_move_the_mark_although_they_never_end() -> None:
    async with stage(STILL, quirks={"event_order": "oldest"}) as it:
        it.emulator.world.add_events(1800, at=wall() - 20, spread=1500)
        it.emulator.faults.add(DEEP)
        rounds = await _until_whole(it)
        assert rounds >= 4
        assert not it.kept.gaps
        assert {event.id for event in it.truth(it.began - 1500)} <= it.kept.events.keys()
        assert {query["pageSize"] for query in it.asked()} == {"100"}
        assert not any("topic" in query for query in it.asked())


async def test_pages_newest_first_do_not_move_the_mark_before_they_end() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(1000, at=wall() - 20, spread=1500)
        it.emulator.faults.add(replace(DEEP, count=4))  # as often as the client tries
        before = wall() - OPTIONS.start
        assert isinstance((await it.read()).error, TimedOut)
        assert len(it.kept.events) == 500
        assert await it.mark() == pytest.approx(before)
        assert (await it.read()).whole
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_marks_of_single_environments_are_gone_when_the_account_is_read_again() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(1000, at=wall() - 20, spread=1500)
        it.emulator.faults.add(DEEP)
        await _until_whole(it)
        home = it.home()
        assert await it.mark(f"feed/{home}") is not None
        it.emulator.faults.clear()
        for _ in range(130):  # until the account was proven to show all of them once more
            report = await it.read()
        assert report.way == "account-wide"
        assert await it.mark(f"feed/{home}") is None
        assert not it.missing(until=wall() - OPTIONS.settle)
