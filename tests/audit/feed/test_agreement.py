"""The account's own feed is believed only as far as its environments bear it out."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from exporter.emulator import Fault
from tests.audit.feed.stage import BUSY, OPTIONS, STILL, Stage, stage
from tests.support.account import wall


def _account_wide(it: Stage) -> int:
    return sum("environmentId" not in query for query in it.asked())


async def test_where_the_account_may_not_be_asked_it_is_not_tried_again_each_round() -> None:
    async with stage(BUSY, quirks={"events_account_wide": 403}) as it:
        for _ in range(5):
            report = await it.read()
            assert (report.way, report.whole) == ("environment by environment", True)
            await asyncio.sleep(30)
        assert _account_wide(it) == 1
        it.restart()
        await it.read()
        assert _account_wide(it) == 2


async def test_a_feed_of_one_environment_is_not_taken_for_that_of_all() -> None:
    async with stage(BUSY, quirks={"events_account_wide": "first"}) as it:
        reports = [await it.read() for _ in range(3)]
        assert [report.way for report in reports][1:] == ["environment by environment"] * 2
        assert reports[-1].whole
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_a_feed_of_one_environment_is_found_out_once_another_one_has_events() -> None:
    async with stage(STILL, quirks={"events_account_wide": "first"}) as it:
        first = it.home("production")
        for _ in range(50):  # long enough to be believed, if it were not for the proof
            it.emulator.world.add_events(1, environment_id=first)
            await it.read()
            await asyncio.sleep(30)
        other = it.home("staging")
        hidden = it.emulator.world.add_events(3, environment_id=other)
        for _ in range(125):
            await it.read()
            await asyncio.sleep(30)
        assert set(hidden) <= it.kept.events.keys()
        assert not it.kept.gaps


async def test_a_listing_without_any_environment_proves_nothing() -> None:
    async with stage(STILL, quirks={"events_account_wide": "first"}) as it:
        listed, empty = await it.environments(), True

        async def lagging() -> Sequence[str]:
            return () if empty else listed

        it.environments = lagging  # type: ignore[method-assign] # a listing of the moment
        it.restart()
        it.emulator.world.add_events(1, environment_id=it.home("production"), at=wall() - 60)
        hidden = it.emulator.world.add_events(3, environment_id=it.home("staging"), at=wall() - 60)
        await it.read()
        empty = False
        await it.rounds(6)
        assert set(hidden) <= it.kept.events.keys()


async def test_after_a_restart_it_still_knows_how_far_each_environment_was_read() -> None:
    async with stage(BUSY, quirks={"events_account_wide": "first"}) as it:
        for _ in range(4):
            await it.read()
            await asyncio.sleep(30)
        marks = {await it.mark(f"feed/{it.home(name)}") for name in ("production", "staging")}
        begun = len(it.asked())
        it.restart()
        await it.read()
        await it.read()
        assert None not in marks
        oldest = min(query["since"] for query in it.asked()[begun:])
        assert oldest > it.asked()[0]["since"]  # not from the beginning of the log
        assert not it.missing(until=wall() - OPTIONS.settle - 60)


async def test_rights_that_are_lost_later_are_noticed_and_what_was_missed_is_read() -> None:
    async with stage(BUSY) as it:
        for _ in range(5):
            await it.read()
            await asyncio.sleep(30)
        it.emulator.quirks.events_account_wide = "first"
        for _ in range(125):
            await it.read()
            await asyncio.sleep(30)
        report = await it.read()
        assert report.way == "environment by environment"
        assert not it.missing(until=wall() - OPTIONS.settle)
        assert not it.kept.gaps


async def test_what_was_missed_before_environments_were_read_one_by_one_is_read_too() -> None:
    """Rights are lost, and before that is noticed a burst makes it ask by environment."""
    async with stage(STILL) as it:
        world, first, other = it.emulator.world, it.home("production"), it.home("staging")
        ways = set()

        async def rounds(number: int) -> None:
            for _ in range(number):
                world.add_events(1, environment_id=first)
                await asyncio.sleep(60)
                ways.add((await it.read()).way)

        await rounds(3)
        it.emulator.quirks.events_account_wide = "first"
        missed = world.add_events(3, environment_id=other)  # its first ones
        await rounds(10)
        world.add_events(300, environment_id=first, spread=60)
        it.emulator.faults.add(Fault("status", route="/events", min_page=3))
        await rounds(8)
        assert "environment by environment" in ways
        it.emulator.faults.clear()
        assert not set(missed) & it.kept.events.keys()
        world.add_events(40, environment_id=other, at=wall() + 8000, spread=8000)
        await rounds(130)
        assert set(missed) <= it.kept.events.keys()


async def test_a_proof_costs_nothing_most_of_the_time() -> None:
    async with stage(BUSY) as it:
        await it.read()
        listed = sum(request.path == "/environments" for request in it.emulator.requests)
        for _ in range(100):
            await it.read()
            await asyncio.sleep(30)
        again = sum(request.path == "/environments" for request in it.emulator.requests)
        assert again == listed


async def test_the_account_is_not_believed_before_the_sample_could_be_had() -> None:
    async with stage(BUSY) as it:
        it.emulator.faults.add(Fault("status", route="/environments"))
        report = await it.read()
        assert report.error is not None
        assert not it.kept.events
        it.emulator.faults.clear()
        assert not (await it.read()).error
        await it.read()
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_an_account_of_many_environments_is_sampled_not_asked_throughout() -> None:
    async with stage(replace(BUSY, environments=40, spaces=80)) as it:
        assert (await it.read()).whole
        asked = {query.get("environmentId", "") for query in it.asked()}
        assert len(asked) == 11
        assert await it.mark("agreed/feed") is not None


async def test_events_of_one_environment_prove_nothing_of_many_others() -> None:
    async with stage(replace(STILL, environments=40, spaces=80)) as it:
        it.emulator.world.add_events(5, environment_id=it.home(), at=wall() - 60)
        for _ in range(4):
            assert (await it.read()).whole
        assert await it.mark("agreed/feed") is None
        other = it.home("staging")
        it.emulator.world.add_events(1, environment_id=other, at=wall() - 20)
        for _ in range(20):
            await it.read()
        assert await it.mark("agreed/feed") is not None
