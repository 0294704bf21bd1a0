"""A first reading that ends too early knows later what was forgotten since."""

import asyncio
from typing import Any

import pytest

from exporter.audit.feed.contract import Parcel
from exporter.emulator import Fault
from tests.audit.feed.stage import OPTIONS, STILL, Stage, stage
from tests.support.account import wall

APART = {"events_account_wide": 403}
ORDERS = ["newest", "oldest", "id"]


class Killed(Exception):
    """The process was killed; no error of ours."""


async def _killed(it: Stage, after: int) -> None:
    """A reading that ends with so many transactions, and nobody is told of the last one."""
    store, left = it.kept.store, after

    async def dying(parcel: Parcel) -> int:
        nonlocal left
        added = await store(parcel)
        left -= 1
        if left <= 0:
            raise Killed
        return added

    it.kept.store = dying  # type: ignore[method-assign] # the caller's side
    it.restart()
    with pytest.raises((Killed, ExceptionGroup)):
        await it.read()
    it.kept.store = store  # type: ignore[method-assign] # as it was


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("quirks", "after"), [({}, 1), ({}, 2), (APART, 2), (APART, 3), (APART, 5), (APART, 8)]
)
async def test_a_log_that_was_killed_in_its_first_reading_knows_what_was_forgotten_afterwards(
    quirks: dict[str, Any], after: int, order: str
) -> None:
    async with stage(STILL, quirks={**quirks, "event_order": order}) as it:
        it.emulator.world.add_events(9500, at=wall() - 20, spread=1500)
        await _killed(it, after)
        begun = {event.environment_id for event in it.kept.events.values()}
        assert begun
        lost = it.emulator.world.add_events(30, at=wall())
        await asyncio.sleep(7200)
        it.emulator.world.forget_events(wall() - 60)
        (fresh,) = it.emulator.world.add_events(1, at=wall() - 30)
        it.restart()
        await it.rounds(3)
        assert not set(lost) & it.kept.events.keys()
        assert fresh in it.kept.events
        assert {gap.kind for gap in it.kept.gaps.values()} == {"forgotten"}
        settled = it.truth(it.began - OPTIONS.start, wall() - OPTIONS.settle)
        # Of an environment that was never read nobody knows whether there was anything.
        known = [event for event in settled if event.environment_id in begun]
        assert all(it.kept.accounts_for(event) for event in known)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("after", [1, 2])
async def test_a_log_that_was_killed_in_its_first_reading_has_no_gap_if_nothing_was_forgotten(
    after: int, order: str
) -> None:
    async with stage(STILL, quirks={"event_order": order}) as it:
        it.emulator.world.add_events(9500, at=wall() - 20, spread=1500)
        await _killed(it, after)
        await asyncio.sleep(7200)
        it.restart()
        await it.rounds(3)
        assert not it.kept.gaps
        assert {event.id for event in it.truth(0.0)} <= it.kept.events.keys()


async def test_a_first_reading_that_failed_knows_what_was_forgotten_before_the_second() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(900, at=wall() - 20, spread=1500)
        it.emulator.faults.add(Fault("status", route="/events", min_page=4))
        assert (await it.read()).error is not None
        assert len(it.kept.events) == 300
        it.emulator.faults.clear()
        await asyncio.sleep(7200)
        it.emulator.world.forget_events(wall() - 60)
        it.restart()
        await it.rounds(3)
        assert {gap.kind for gap in it.kept.gaps.values()} == {"forgotten"}
        assert not it.missing()


def _lag_once(it: Stage) -> None:
    """The first page of the account's own feed lacks what its environments show."""
    raw_events, asked = it.session.flatfile.raw_events, 0

    def lagging(since: float, **query: Any) -> Any:
        nonlocal asked
        whole = query.get("environment_id") is None
        asked += whole
        it.emulator.quirks.late_share = 0.5 if whole and asked == 1 else 0.0
        return raw_events(since, **query)

    it.emulator.quirks.late_seconds = 700.0
    it.session.flatfile.raw_events = lagging  # type: ignore[method-assign] # a lag of the moment
    it.restart()


async def test_a_first_reading_that_is_doubted_makes_no_gap_of_what_it_had_read() -> None:
    async with stage(STILL, quirks={"events_forgotten_after": 600}) as it:
        it.emulator.world.add_events(60, at=wall() - 20, spread=590)
        _lag_once(it)
        assert not (await it.read()).whole
        assert it.kept.events
        await asyncio.sleep(60)
        await it.rounds(3)
        assert not it.kept.gaps


async def test_a_first_reading_that_is_doubted_knows_what_was_forgotten_afterwards() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(60, at=wall() - 20, spread=590)
        _lag_once(it)
        assert not (await it.read()).whole
        lost = it.emulator.world.add_events(30, at=wall())
        await asyncio.sleep(7200)
        it.emulator.world.forget_events(wall() - 60)
        await it.rounds(3)
        assert not set(lost) & it.kept.events.keys()
        assert {gap.kind for gap in it.kept.gaps.values()} == {"forgotten"}
        assert not it.missing()
