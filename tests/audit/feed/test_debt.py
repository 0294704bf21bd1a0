"""What only the account's own feed still shows is read, or said to be missing."""

from typing import Any

import pytest

from exporter.audit.feed.contract import Parcel
from exporter.emulator import Fault
from exporter.errors import StorageFailed
from tests.audit.feed.stage import BUSY, OPTIONS, STILL, Stage, stage
from tests.support.account import wall

BETWEEN = 30.0  # seconds from one round to the next
SETTLED = OPTIONS.settle + BETWEEN + 5.0


def _account_wide(it: Stage) -> int:
    return sum("environmentId" not in query for query in it.asked())


async def _come_and_gone(it: Stage) -> list[str]:
    """Events of an environment that is known, and of one of which nobody ever hears."""
    world, known = it.emulator.world, it.home("staging")
    unknown = world.create_environment("short-lived").id
    added = [
        event for home in (known, unknown) for event in world.add_events(5, environment_id=home)
    ]
    await it.rounds(2)
    for home in (known, unknown):
        world.delete_environment(home)
    return added


async def _outage(it: Stage, fault: Fault) -> None:
    """In which environments go, whose events are read all the same once it is over."""
    await it.rounds(3)
    it.emulator.faults.add(fault)
    await it.rounds(4)
    last = await _come_and_gone(it)
    await it.rounds(14)
    it.emulator.faults.clear()
    await it.rounds(15)
    assert (await it.read()).way == "account-wide"
    assert set(last) <= it.kept.events.keys()


@pytest.mark.parametrize(
    "fault",
    [Fault("status", route="/events"), Fault("status", route="/events", status=403)],
    ids=["failing", "refused"],
)
async def test_an_environment_that_went_during_an_outage_is_read_to_its_end_afterwards(
    fault: Fault,
) -> None:
    async with stage(BUSY) as it:
        await _outage(it, fault)
        assert not it.missing(until=wall() - SETTLED)
        assert not it.kept.gaps


async def test_it_is_read_to_its_end_also_by_the_next_process() -> None:
    async with stage(BUSY) as it:
        await it.rounds(3)
        it.emulator.faults.add(Fault("status", route="/events"))
        await it.rounds(4)
        last = await _come_and_gone(it)
        await it.rounds(14)
        it.emulator.faults.clear()
        it.emulator.quirks.events_account_wide = 403
        await it.read()
        assert not set(last) & it.kept.events.keys()
        it.restart()
        it.emulator.quirks.events_account_wide = "allowed"
        await it.rounds(3)
        assert set(last) <= it.kept.events.keys()


async def test_what_lies_too_deep_by_then_is_in_a_gap_of_its_environment() -> None:
    async with stage(STILL) as it:
        await it.read()
        it.emulator.faults.add(Fault("hang", route="/events", min_page=6))
        it.emulator.faults.add(Fault("status", route="/events", name="all"))
        await it.rounds(4)
        last = await _come_and_gone(it)
        it.emulator.world.add_events(3000, environment_id=it.home("production"), spread=60)
        await it.rounds(4)
        it.emulator.faults.remove("all")
        await it.rounds(6)
        it.emulator.world.add_events(1, environment_id=it.home("production"))
        await it.rounds(20)
        assert (await it.read()).way == "account-wide"
        assert not set(last) & it.kept.events.keys()
        assert not it.missing(until=wall() - SETTLED)
        gaps = [gap for gap in it.kept.gaps.values() if gap.kind == "environment"]
        exist = {it.home("production"), it.home("development")}
        assert len({gap.environment_id for gap in gaps}) == 2
        assert not exist & {gap.environment_id for gap in gaps}


async def test_a_feed_that_is_refused_from_some_day_on_leaves_one_gap_and_is_tried_seldom() -> None:
    async with stage(BUSY) as it:
        await it.rounds(3)
        it.emulator.faults.add(Fault("status", route="/events"))
        await it.rounds(4)
        await _come_and_gone(it)
        it.emulator.faults.clear()
        it.emulator.quirks.events_account_wide = 403
        begun = _account_wide(it)
        await it.rounds(240)
        assert 20 <= _account_wide(it) - begun <= 26
        assert not it.missing(until=wall() - SETTLED)
        (gap,) = [gap for gap in it.kept.gaps.values() if gap.kind == "unreachable"]
        assert gap.environment_id is None


async def test_what_is_owed_and_was_forgotten_before_it_could_be_had_is_in_a_gap() -> None:
    """Of an environment that came and went meanwhile, and of which no listing ever told."""
    async with stage(BUSY, quirks={"events_forgotten_after": 600}) as it:
        await it.rounds(3)
        it.emulator.quirks.events_account_wide = 403
        await it.rounds(2)
        world = it.emulator.world
        unknown = world.create_environment("short-lived").id
        lost = world.add_events(5, environment_id=unknown)
        world.delete_environment(unknown)
        await it.rounds(80)
        it.emulator.quirks.events_account_wide = "allowed"
        await it.rounds(15)
        assert not set(lost) & it.kept.events.keys()
        (gap,) = it.kept.gaps.values()
        assert (gap.kind, gap.environment_id) == ("forgotten", None)
        assert not it.missing(it.began, wall() - SETTLED)
        found = await it.mark("owed/feed"), await it.mark("owing/feed")
        assert found == (None, None)


async def test_a_short_refusal_is_no_gap_although_the_last_events_are_forgotten_by_then() -> None:
    async with stage(STILL, quirks={"events_forgotten_after": 300}) as it:
        it.emulator.world.add_events(30, at=wall() - 60, spread=200)
        await it.rounds(3)
        it.emulator.quirks.events_account_wide = 403
        await it.rounds(1)
        assert await it.mark("owed/feed") is not None
        await it.rounds(6)
        it.emulator.quirks.events_account_wide = "allowed"
        await it.rounds(6)
        assert (await it.read()).way == "account-wide"
        assert await it.mark("owed/feed") is None
        assert not it.kept.gaps


async def test_one_answer_without_what_is_owed_is_not_believed() -> None:
    async with stage(BUSY) as it:
        raw_events, asked = it.session.flatfile.raw_events, 0

        def once_blind(since: float, **query: Any) -> Any:
            nonlocal asked
            owed = query.get("environment_id") is None and since < wall() - 1800
            asked += owed
            it.emulator.quirks.events_forgotten_after = 60 if owed and asked == 1 else None
            return raw_events(since, **query)

        await it.rounds(3)
        it.session.flatfile.raw_events = once_blind  # type: ignore[method-assign] # of a moment
        it.restart()
        it.emulator.quirks.events_account_wide = 403
        await it.rounds(70)
        it.emulator.quirks.events_account_wide = "allowed"
        await it.rounds(15)
        assert asked == 2
        assert not it.kept.gaps
        assert await it.mark("owed/feed") is None


async def test_where_the_account_never_was_to_be_asked_nothing_is_owed() -> None:
    async with stage(BUSY, quirks={"events_account_wide": 403}) as it:
        await it.rounds(3)
        it.emulator.faults.add(Fault("status", route="/events"))
        await it.rounds(20)  # also the attempt to ask for it again
        assert await it.mark("owed/feed") is None
        it.emulator.faults.clear()
        await it.rounds(240)
        assert not it.missing(until=wall() - SETTLED)
        assert not it.kept.gaps


class Full:
    """A store on a disk that may be full."""

    def __init__(self, it: Stage) -> None:
        self.full = False
        self._store = it.kept.store
        it.kept.store = self.store  # type: ignore[method-assign] # the caller's side
        it.restart()

    async def store(self, parcel: Parcel) -> int:
        if self.full:
            raise StorageFailed("the disk is full")
        return await self._store(parcel)

    async def read(self, it: Stage) -> None:
        self.full = True
        with pytest.raises(StorageFailed):
            await it.read()
        self.full = False


async def test_a_proof_that_the_store_did_not_take_is_given_again() -> None:
    async with stage(BUSY) as it:
        await Full(it).read(it)
        await _outage(it, Fault("status", route="/events"))
        assert not it.kept.gaps


async def test_a_refusal_that_the_store_did_not_take_is_met_again() -> None:
    async with stage(BUSY) as it:
        disk = Full(it)
        await it.rounds(3)
        it.emulator.quirks.events_account_wide = 403
        await disk.read(it)
        unheard = it.emulator.world.create_environment("short-lived").id
        last = it.emulator.world.add_events(5, environment_id=unheard)
        it.emulator.world.delete_environment(unheard)
        await it.rounds(14)
        it.emulator.quirks.events_account_wide = "allowed"
        await it.rounds(15)
        assert (await it.read()).way == "account-wide"
        assert set(last) <= it.kept.events.keys()


async def test_refusals_that_the_store_did_not_take_are_not_counted() -> None:
    async with stage(BUSY) as it:
        disk = Full(it)
        await it.rounds(3)
        it.emulator.quirks.events_account_wide = 403
        for _ in range(20):
            await disk.read(it)
        await it.rounds(2)
        assert not it.kept.gaps
