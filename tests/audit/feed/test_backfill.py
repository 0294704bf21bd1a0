"""The past is read once, goes on where it was killed, and stands in nobody's way."""

import asyncio
from typing import Any

import pytest

from exporter.audit.feed.contract import Parcel
from exporter.emulator import Fault, Scale
from exporter.emulator.times import parse
from exporter.errors import RoundError, ServerFailed, StorageFailed
from tests.audit.feed.stage import OPTIONS, Kept, Stage, stage
from tests.support.account import wall

PAST = Scale(
    environments=4, spaces=20, users=5, guests=5, events_per_minute=8, rare=0,
    history_seconds=6 * 3600,
)  # fmt: skip
HOURS = 5 * 3600.0


class Killed(Exception):
    """The process was killed; no error of ours."""


class Dying(Kept):
    """Is killed in the middle of its work, after some events."""

    left = 400

    async def store(self, parcel: Parcel) -> int:
        if self.left < len(parcel.events):
            raise Killed
        self.left -= len(parcel.events)
        return await super().store(parcel)


def _anew(it: Stage, begun: int, since: float) -> set[str]:
    """The environments that were asked for all of it, not only for what came meanwhile."""
    asked = it.asked()[begun:]
    return {query["environmentId"] for query in asked if parse(query["since"]) < since + 1.0}


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
async def test_everything_since_then_is_read(order: str) -> None:
    async with stage(PAST, quirks={"event_order": order}) as it:
        since = wall() - HOURS
        told: list[int] = []
        done = await it.backfill(since, tell=lambda state: told.append(state.done)).run()
        assert done.whole
        assert (done.environments, done.done) == (4, 4)
        assert done.added == len(it.kept.events)
        assert not it.missing(since, wall() - OPTIONS.settle)
        assert min(e.created_at for e in it.kept.events.values()) >= since
        assert done.oldest == min(e.created_at for e in it.kept.events.values())
        assert told[-1] == 4
        assert not it.kept.late
        assert not it.kept.gaps


async def test_it_goes_on_with_the_environments_that_were_not_read_yet() -> None:
    async with stage(PAST) as it:
        since = wall() - HOURS
        dying = Dying(database=it.database)
        dying.left = 2000
        with pytest.raises(Killed):
            await it.backfill(since, store=dying.store).run()
        it.kept.events |= dying.events
        begun = len(it.asked())
        await asyncio.sleep(600)
        # As an age is: it means a later time by now.
        done = await it.backfill(since + 600).run()
        assert done.whole
        assert len(_anew(it, begun, since)) in {1, 2, 3}
        assert not _anew(it, begun, since + 600) - _anew(it, begun, since)
        assert not it.missing(since, wall() - OPTIONS.settle - 60)


async def test_oldest_first_it_goes_on_in_the_middle_of_an_environment() -> None:
    async with stage(PAST, quirks={"event_order": "oldest"}) as it:
        since = wall() - HOURS
        it.emulator.faults.add(Fault("status", route="/events", min_page=4))
        begun = len(it.asked())
        done = await it.backfill(since).run()
        assert done.whole
        asked = {query["since"] for query in it.asked()[begun:]}
        assert len(asked) > 4  # several parts of each
        assert not it.missing(since, wall() - OPTIONS.settle - 60)
        assert not it.kept.gaps


async def test_when_it_is_done_the_next_one_begins_anew() -> None:
    async with stage(PAST) as it:
        since = wall() - HOURS
        await it.backfill(since).run()
        await asyncio.sleep(600)
        again = await it.backfill(since).run()
        assert again.whole
        assert again.added > 0
        assert not it.missing(since, wall() - OPTIONS.settle)
        assert await it.mark("backfill/past") is None


async def test_beside_a_daemon_each_event_is_kept_once_and_the_feed_is_undisturbed() -> None:
    async with stage(PAST) as it:
        await it.read()
        before = await it.mark()
        since = wall() - HOURS
        async with asyncio.TaskGroup() as group:
            filling = group.create_task(it.backfill(since).run())
            for _ in range(3):
                assert (await it.read()).whole
                await asyncio.sleep(30)
        assert filling.result().whole
        assert filling.result().added <= len(it.kept.events)
        assert not it.missing(since, wall() - OPTIONS.settle - 60)
        assert not it.kept.late
        assert await it.mark() != before or before is None


async def test_deep_pages_that_time_out_lead_to_topics() -> None:
    async with stage(PAST) as it:
        since = wall() - HOURS
        it.emulator.faults.add(Fault("status", route="/events", min_page=6))
        done = await it.backfill(since).run()
        assert done.whole
        assert {gap.kind for gap in it.kept.gaps.values()} == {"topics"}
        assert done.gaps == len(it.kept.gaps) > 0
        assert not it.missing(since, wall() - OPTIONS.settle - 60)


async def test_an_outage_ends_it_soon_and_nothing_is_given_up() -> None:
    async with stage(PAST) as it:
        it.emulator.faults.add(Fault("status", route="/events"))
        since = wall() - HOURS
        done = await it.backfill(since).run()
        assert isinstance(done.error, ServerFailed)
        assert not done.whole
        assert len(it.asked()) < 200
        it.emulator.faults.clear()
        assert (await it.backfill(since).run()).whole
        assert not it.missing(since, wall() - OPTIONS.settle - 60)
        assert not it.kept.gaps


@pytest.mark.parametrize("status", [400, 403])
async def test_an_environment_that_refuses_is_named_and_the_others_are_read(status: Any) -> None:
    async with stage(PAST) as it:
        sick = it.home("staging")
        it.emulator.faults.add(Fault("status", route="/events", environment_id=sick, status=status))
        since = wall() - HOURS
        done = await it.backfill(since).run()
        assert not done.whole
        assert done.failed.keys() == {sick}
        assert all(isinstance(error, RoundError) for error in done.failed.values())
        others = [e for e in it.truth(since, wall() - 60) if e.environment_id != sick]
        assert {event.id for event in others} <= it.kept.events.keys()
        it.emulator.faults.clear()
        begun = len(it.asked())
        assert (await it.backfill(since).run()).whole
        assert _anew(it, begun, since) == {sick}


async def test_without_room_it_stops_and_goes_on_later() -> None:
    async with stage(PAST) as it:
        since = wall() - HOURS
        full = it.backfill(since, may_feed=lambda: len(it.kept.events) < 1200)
        done = await full.run()
        assert done.blocked
        assert not done.whole
        assert (await it.backfill(since).run()).whole
        assert not it.missing(since, wall() - OPTIONS.settle - 60)


async def test_a_store_that_fails_ends_it() -> None:
    async with stage(PAST) as it:

        async def broken(_: Parcel) -> int:
            raise StorageFailed("the disk is full")

        with pytest.raises(StorageFailed):
            await it.backfill(wall() - HOURS, store=broken).run()
