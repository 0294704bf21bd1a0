"""Every event of the account is handed on, whatever its API turns out to do."""

import asyncio
from random import Random
from typing import Any

import pytest

from exporter.audit.feed.contract import Options, Parcel
from exporter.emulator import Fault
from exporter.emulator.times import parse
from exporter.errors import Forbidden, Unauthorized
from tests.audit.feed.stage import BUSY, OPTIONS, STILL, stage
from tests.support.account import wall

QUIRKS: list[dict[str, Any]] = [
    {},
    {"event_order": "oldest"},
    {"event_order": "id"},
    {"event_order": "shuffled"},
    {"since_inclusive": False},
    {"since_ignored": True},
    {"since_ignored": True, "event_order": "oldest"},
    {"events_account_wide": 400},
    {"events_account_wide": 403, "event_order": "oldest"},
    {"events_account_wide": "first"},
    {"events_account_wide": "first", "event_order": "id"},
    {"page_size_max": 10},
    {"page_size_max": 20, "page_size_over": "refuse"},
    {"repeated_events": 0.3},
    {"repeated_events": 0.3, "event_order": "id"},
    {"late_share": 0.3, "late_seconds": 90},
    {"late_share": 0.3, "late_seconds": 90, "event_order": "oldest"},
    {"events_account_wide": 400, "late_share": 0.3, "late_seconds": 90},
    {"unknown_topics": True},
    {"include_acknowledged_default": True},
    {"page_zero_based": True},
    {"agent_domain": "agent"},
    {"optional_as_null": True},
    {"event_context_missing": 0.4},
    {"event_context_missing": 0.4, "events_account_wide": "first"},
    {"events_forgotten_after": 1500},
    {"events_forgotten_after": 240, "event_order": "oldest"},
]


def _name(quirks: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in quirks.items()) or "plain"


@pytest.mark.parametrize("quirks", QUIRKS, ids=_name)
async def test_nothing_is_missed_whatever_the_feed_does(quirks: dict[str, Any]) -> None:
    async with stage(BUSY, quirks=quirks) as it:
        begin = it.began - OPTIONS.start
        if after := quirks.get("events_forgotten_after"):
            begin = it.began - after  # what was gone before the log began is nobody's gap
        for _ in range(10):
            await it.read()
            await asyncio.sleep(60)
        it.emulator.quirks.late_share = 0.0
        report = await it.read()
        assert report.whole
        assert report.error is None
        settled = {event.id for event in it.truth(begin, wall() - OPTIONS.settle)}
        assert settled <= it.kept.events.keys()
        assert not it.kept.gaps
        assert not it.emulator.dangerous_calls
        assert {event.id for event in it.truth(0.0)} >= it.kept.events.keys()


async def test_a_new_log_begins_as_far_back_as_it_was_told() -> None:
    async with stage(BUSY) as it:
        report = await it.read()
        begin = wall() - OPTIONS.start
        assert report.whole
        assert {e.id for e in it.truth(begin, wall() - OPTIONS.settle)} <= it.kept.events.keys()
        oldest = min(event.created_at for event in it.kept.events.values())
        assert begin - OPTIONS.overlap <= oldest < begin + 60
        assert report.added == len(it.kept.events)
        assert not it.kept.late


async def test_events_settle_before_they_are_taken_and_are_taken_then() -> None:
    async with stage(STILL) as it:
        await it.read()
        (fresh,) = it.emulator.world.add_events(1)
        await it.read()
        assert fresh not in it.kept.events
        await asyncio.sleep(OPTIONS.settle)
        await it.read()
        assert fresh in it.kept.events


async def test_an_event_that_appears_after_younger_ones_is_late() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(1, at=wall() - 50)
        await it.read()
        (late,) = it.emulator.world.add_events(1, at=wall() - 60)
        await asyncio.sleep(OPTIONS.settle)
        (timely,) = it.emulator.world.add_events(1, at=wall() - OPTIONS.settle)
        await it.read()
        assert it.kept.late == {late}
        assert timely in it.kept.events


async def test_what_becomes_visible_only_later_is_late_and_nothing_else_is() -> None:
    quirks = {"late_share": 0.3, "late_seconds": 60.0}
    async with stage(BUSY, quirks=quirks) as it:
        for _ in range(10):
            await it.read()
            await asyncio.sleep(30)
        assert 10 < len(it.kept.late) < 0.5 * len(it.kept.events)
        it.emulator.quirks.late_share = 0.0
        before = set(it.kept.late)
        await asyncio.sleep(60)
        await it.read()
        await asyncio.sleep(60)
        await it.read()
        assert len(it.kept.late - before) < 15  # those that were hidden when the quirk ended


async def test_what_is_dated_far_ahead_is_kept_at_once_and_moves_nothing() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(1, at=wall() - 60)
        # Of the account's clock: ours is a day behind.
        it.feed._wall = lambda: wall() - 86_400.0
        (ahead,) = it.emulator.world.add_events(1)
        await it.read()
        assert ahead in it.kept.events
        mark = await it.mark()
        assert mark is not None
        assert mark <= wall() - 86_400.0


@pytest.mark.parametrize("skew", [-1800.0, 1800.0], ids=["behind", "ahead"])
async def test_a_clock_half_an_hour_off_loses_nothing(skew: float) -> None:
    async with stage(BUSY) as it:
        it.feed._wall = lambda: wall() + skew
        for _ in range(8):
            await it.read()
            await asyncio.sleep(60)
        await it.read()
        settled = wall() - OPTIONS.settle
        shown = it.truth(it.began + skew - OPTIONS.start, settled)
        assert {event.id for event in shown} <= it.kept.events.keys()
        assert not it.kept.gaps


@pytest.mark.parametrize("apart", [False, True], ids=["account", "environments"])
async def test_a_log_that_was_begun_by_a_clock_days_ahead_begins_anew_once_that_is_right(
    *, apart: bool
) -> None:
    quirks = {"events_account_wide": 403} if apart else {}
    async with stage(BUSY, quirks=quirks) as it:
        it.feed._wall = lambda: wall() + 259_200.0
        for _ in range(3):
            assert (await it.read()).whole
            await asyncio.sleep(30)
        assert not it.kept.events
        it.restart()
        begun = wall()
        assert (await it.read()).whole
        shown = it.truth(begun - OPTIONS.start, begun - OPTIONS.settle)
        assert {event.id for event in shown} <= it.kept.events.keys()
        assert not it.kept.late
        assert not it.kept.gaps


async def test_an_empty_answer_moves_nothing_and_is_asked_again() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(1, at=wall() - 60)
        await it.read()
        before = await it.mark()
        await asyncio.sleep(3600)
        for _ in range(3):
            assert (await it.read()).whole
            await asyncio.sleep(60)
        assert await it.mark() == before
        # Whatever an empty window turns out to have held is found, long after.
        hidden = it.emulator.world.add_events(3, at=wall() - 1800, spread=1200)
        await it.read()
        assert set(hidden) <= it.kept.events.keys()
        assert not it.kept.gaps


async def test_pages_are_handed_on_in_order_as_many_together_as_may_be_held() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(6200, at=wall() - 20, spread=1200)
        await it.read()
        sizes = [len(batch) for batch in it.kept.batches]
        assert len(sizes) == 2
        assert sum(sizes) >= 6200
        # The newest come first, as many as may be held, and in order among themselves.
        first = it.kept.batches[0]
        assert len(first) == 4800
        times = [it.kept.events[id_].created_at for id_ in first]
        assert times == sorted(times)
        assert min(times) > min(e.created_at for e in it.kept.events.values())


async def test_it_goes_on_where_it_was_after_a_restart() -> None:
    async with stage(BUSY) as it:
        await it.read()
        await asyncio.sleep(1000)
        it.restart()
        report = await it.read()
        assert report.whole
        assert not it.missing(until=wall() - OPTIONS.settle)
        assert not it.kept.late
        assert not it.kept.gaps
        since = [query["since"] for query in it.asked()]
        assert since[-1] > since[0]


async def test_a_quiet_account_costs_a_page_and_its_end_each_round() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(5, at=wall() - 60)
        await it.read()
        before = len(it.emulator.requests)
        for _ in range(10):
            await it.read()
            await asyncio.sleep(30)
        assert len(it.emulator.requests) - before == 20


async def test_without_room_nothing_is_asked_and_nothing_is_lost() -> None:
    async with stage(BUSY) as it:
        await it.read()
        before = len(it.emulator.requests)
        it.kept.room = False
        for _ in range(3):
            report = await it.read()
            assert (report.blocked, report.whole, report.error) == (True, False, None)
            await asyncio.sleep(30)
        assert len(it.emulator.requests) == before
        it.kept.room = True
        assert (await it.read()).whole
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_room_that_ends_in_the_middle_of_a_burst_ends_the_reading_and_loses_nothing() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(7000, at=wall() - 20, spread=1200)
        it.kept.may_feed = lambda: len(it.kept.events) < 4000  # type: ignore[method-assign] # a cap
        it.restart()
        report = await it.read()
        assert report.blocked
        assert len(it.kept.events) == 4800  # what was held when there was room
        it.kept.may_feed = lambda: True  # type: ignore[method-assign] # emptied
        it.restart()
        assert (await it.read()).whole
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_a_refused_credential_is_in_the_report_and_narrows_nothing() -> None:
    async with stage(BUSY) as it:
        await it.read()
        it.emulator.faults.add(Fault("status", route="/events", status=401))
        for _ in range(4):
            report = await it.read()
            assert isinstance(report.error, Unauthorized | Forbidden)
        it.emulator.faults.clear()
        assert it.asked()[-1]["pageSize"] == "100"


async def test_the_page_size_that_is_asked_for_is_that_of_the_settings() -> None:
    options = Options(overlap=120.0, settle=10.0, start=1800.0, page_size=40)
    async with stage(BUSY, options=options) as it:
        await it.read()
        assert {query["pageSize"] for query in it.asked()} == {"40"}


class Killed(Exception):
    """The process was killed; no error of ours."""


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
@pytest.mark.parametrize("apart", [False, True], ids=["account", "environments"])
async def test_what_was_kept_when_it_was_killed_is_not_asked_for_again(
    order: str, *, apart: bool
) -> None:
    """The last events of a reading and how far it came are one transaction."""
    quirks = {"event_order": order, **({"events_account_wide": 403} if apart else {})}
    async with stage(BUSY, quirks=quirks) as it:
        store = it.kept.store

        async def dying(parcel: Parcel) -> int:
            await store(parcel)
            if parcel.events:
                raise Killed
            return 0

        it.kept.store = dying  # type: ignore[method-assign] # the caller's side
        it.restart()
        with pytest.raises((Killed, ExceptionGroup)):
            await it.read()
        it.kept.store = store  # type: ignore[method-assign] # as it was
        kept = it.kept.batches[0]
        newest = it.kept.events[kept[-1]]
        mark = await it.mark(f"feed/{newest.environment_id}" if apart else "feed")
        assert mark == newest.created_at
        begun = len(it.asked())
        it.restart()
        await it.read()
        assert not it.missing(until=wall() - OPTIONS.settle)
        since = {query.get("environmentId"): query["since"] for query in it.asked()[begun:]}
        again = since[newest.environment_id if apart else None]
        assert parse(again) == pytest.approx(mark - OPTIONS.overlap, abs=0.001)


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
async def test_killed_in_the_middle_again_and_again_it_misses_nothing(order: str) -> None:
    async with stage(BUSY, quirks={"event_order": order}) as it:
        dice, store, kills = Random(order), it.kept.store, 0

        async def dying(parcel: Parcel) -> int:
            if dice.random() < 0.3:
                raise Killed
            added = await store(parcel)
            if dice.random() < 0.3:  # kept, and nobody was told
                raise Killed
            return added

        it.kept.store = dying  # type: ignore[method-assign] # the caller's side
        for _ in range(40):
            it.restart()
            try:
                await it.read()
            except Killed:
                kills += 1
            await asyncio.sleep(30)
        it.kept.store = store  # type: ignore[method-assign] # as it was
        it.restart()
        assert (await it.read()).whole
        assert kills > 10
        assert not it.missing(until=wall() - OPTIONS.settle)
        assert not it.kept.gaps
