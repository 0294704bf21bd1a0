"""What the source has forgotten is said; what it has not, never is."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from exporter.audit.feed.contract import Options
from exporter.audit.feed.gaps import Bounds, Gap, draft
from exporter.audit.record import Kind
from exporter.audit.store import chain
from exporter.emulator import Fault
from tests.audit.feed.stage import BUSY, OPTIONS, STILL, stage
from tests.support.account import wall

APART = {"events_account_wide": 403}
ORDERS = ["newest", "oldest", "id"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("quirks", [{}, APART], ids=["account", "environments"])
async def test_events_forgotten_while_nobody_read_are_in_a_gap(
    quirks: dict[str, Any], order: str
) -> None:
    async with stage(BUSY, quirks={**quirks, "event_order": order}) as it:
        await it.rounds(3)
        await asyncio.sleep(1800)
        it.emulator.world.forget_events(wall() - 600)
        it.restart()
        await it.rounds(3)
        assert {gap.kind for gap in it.kept.gaps.values()} == {"forgotten"}
        assert not it.missing(until=wall() - OPTIONS.settle - 30)
        for gap in it.kept.gaps.values():
            assert gap.until - gap.since < 1800 + 3 * OPTIONS.overlap
        # And it goes on as if nothing had been.
        found = len(it.kept.gaps)
        await it.rounds(5)
        assert len(it.kept.gaps) == found
        assert (await it.read()).whole


@pytest.mark.parametrize("order", ORDERS)
async def test_events_forgotten_before_the_account_is_refused_are_in_a_gap(order: str) -> None:
    async with stage(BUSY, quirks={"event_order": order}) as it:
        await it.rounds(6)
        await asyncio.sleep(1800)
        it.emulator.world.forget_events(wall() - 600)
        it.emulator.quirks.events_account_wide = 403
        it.restart()
        await it.rounds(3)
        assert {gap.kind for gap in it.kept.gaps.values()} == {"forgotten"}
        assert not it.missing(until=wall() - OPTIONS.settle - 30)
        found = len(it.kept.gaps)
        await it.rounds(5)
        assert len(it.kept.gaps) == found


@pytest.mark.parametrize("order", ORDERS)
async def test_an_account_that_is_refused_after_a_long_stop_makes_no_gap_by_itself(
    order: str,
) -> None:
    async with stage(STILL, quirks={"event_order": order}) as it:
        await it.rounds(3)
        it.emulator.world.add_events(12, at=wall() - 20, spread=60)
        await it.rounds(3)
        await asyncio.sleep(7200)
        it.emulator.quirks.events_account_wide = 403
        it.restart()
        await it.rounds(6)
        assert not it.kept.gaps


async def test_an_environment_all_of_whose_events_are_forgotten_has_one_gap() -> None:
    async with stage(STILL) as it:
        await it.rounds(3)
        it.emulator.world.add_events(12, at=wall() - 20, spread=60)
        await it.rounds(3)
        await asyncio.sleep(7200)
        it.emulator.world.forget_events(wall())
        it.emulator.quirks.events_account_wide = 403
        it.restart()
        await it.rounds(12)
        told = [gap.environment_id for gap in it.kept.gaps.values()]
        assert told
        assert len(told) == len(set(told))


@pytest.mark.parametrize("forgotten", [False, True])
async def test_what_was_forgotten_is_said_after_environments_were_read_further_than_the_account(
    *, forgotten: bool
) -> None:
    async with stage(STILL) as it:
        world, home, sick = it.emulator.world, it.home("production"), it.home("staging")
        world.add_events(10, environment_id=home, at=wall() - 60)
        await it.rounds(3)
        it.emulator.quirks.events_account_wide = 403
        it.emulator.faults.add(Fault("status", route="/events", environment_id=sick))
        world.add_events(10, environment_id=home, at=wall() - 20)
        await it.rounds(4)
        lost = world.add_events(10, environment_id=home, at=wall() + 1)
        await asyncio.sleep(7200)
        if forgotten:
            world.forget_events(wall() - 60)
        world.add_events(1, environment_id=home, at=wall() - 30)
        it.emulator.faults.clear()
        it.emulator.quirks.events_account_wide = "allowed"
        it.restart()
        await it.rounds(4)
        assert bool(set(lost) & it.kept.events.keys()) != forgotten
        assert {gap.kind for gap in it.kept.gaps.values()} == (
            {"forgotten"} if forgotten else set()
        )
        assert not it.missing()


@pytest.mark.parametrize("quirks", [{}, APART], ids=["account", "environments"])
async def test_all_that_was_forgotten_at_once_is_in_a_gap(quirks: dict[str, Any]) -> None:
    async with stage(STILL, quirks=quirks) as it:
        it.emulator.world.add_events(30, at=wall() - 60, spread=600)
        await it.rounds(3)
        lost = it.emulator.world.add_events(30, at=wall())
        await asyncio.sleep(3600)
        it.emulator.world.forget_events(wall() - 60)
        it.restart()
        await it.rounds(3)
        assert not set(lost) & it.kept.events.keys()
        assert not it.missing()
        # While nothing happens nothing is missing; when it may be again, that is said again.
        found = len(it.kept.gaps)
        await it.rounds(10)
        assert len(it.kept.gaps) == found
        lost = it.emulator.world.add_events(30, at=wall())
        await asyncio.sleep(7200)
        it.emulator.world.forget_events(wall() - 60)
        it.restart()
        await it.rounds(3)
        assert not it.missing()
        assert len(it.kept.gaps) > found


async def test_a_gap_is_said_once_although_little_is_known_of_how_long_events_are_kept() -> None:
    async with stage(STILL, options=Options(overlap=30.0, settle=10.0, start=0.0)) as it:
        for _ in range(5):
            it.emulator.world.add_events(6, at=wall(), spread=30)
            await it.rounds(1)
        lost = it.emulator.world.add_events(6, at=wall() + 60, spread=30)
        await asyncio.sleep(3600)
        it.emulator.world.forget_events(wall())
        await it.rounds(12, 31.0)
        assert len(it.kept.gaps) == 1
        assert not it.missing()
        assert not set(lost) & it.kept.events.keys()


@pytest.mark.parametrize("quirks", [{}, APART], ids=["account", "environments"])
async def test_a_long_stop_in_a_quiet_account_is_no_gap_if_nothing_was_forgotten(
    quirks: dict[str, Any],
) -> None:
    async with stage(STILL, quirks=quirks) as it:
        it.emulator.world.add_events(30, at=wall() - 60, spread=600)
        await it.rounds(3)
        await asyncio.sleep(7200)
        it.restart()
        await it.rounds(4)
        assert (await it.read()).whole
        assert not it.kept.gaps


@pytest.mark.parametrize("quirks", [{}, APART], ids=["account", "environments"])
async def test_a_quiet_account_whose_last_events_are_forgotten_has_no_gap(
    quirks: dict[str, Any],
) -> None:
    async with stage(STILL, quirks={**quirks, "events_forgotten_after": 1200}) as it:
        it.emulator.world.add_events(30, at=wall() - 60, spread=600)
        for number in range(60):
            await it.read()
            await asyncio.sleep(60)
            if number == 40:
                it.restart()
        assert not it.kept.gaps
        fresh = it.emulator.world.add_events(5)
        await asyncio.sleep(30)
        assert (await it.read()).whole
        assert set(fresh) <= it.kept.events.keys()


async def test_one_answer_without_what_was_read_before_is_not_believed() -> None:
    async with stage(BUSY) as it:
        await it.rounds(3)
        await asyncio.sleep(1200)
        it.emulator.quirks.events_forgotten_after = 60  # for a moment only
        before = await it.mark()
        report = await it.read()
        assert not report.whole
        assert report.error is None
        assert await it.mark() == before
        it.emulator.quirks.events_forgotten_after = None
        assert (await it.read()).whole
        assert not it.kept.gaps
        assert not it.missing(until=wall() - OPTIONS.settle)


async def test_a_short_stop_of_the_exporter_is_no_gap_even_if_the_anchors_are_gone() -> None:
    async with stage(STILL) as it:
        it.emulator.world.add_events(10, at=wall() - 60, spread=1500)
        await it.rounds(40, 60.0)
        it.emulator.world.forget_events(wall() - 300)
        await asyncio.sleep(300)
        it.restart()
        await it.rounds(4)
        assert not it.kept.gaps


async def test_oldest_first_what_was_forgotten_is_said_although_the_reading_never_ends() -> None:
    async with stage(STILL, quirks={"event_order": "oldest"}) as it:
        it.emulator.world.add_events(30, at=wall() - 60, spread=600)
        await it.rounds(3)
        it.emulator.world.add_events(30, at=wall() + 1, spread=20)
        await asyncio.sleep(3600)
        it.emulator.world.add_events(900, at=wall() - 20, spread=300)
        it.emulator.world.forget_events(wall() - 600)
        it.emulator.faults.add(Fault("status", route="/events", min_page=4))
        it.restart()
        await it.rounds(8)
        assert {gap.kind for gap in it.kept.gaps.values()} == {"forgotten"}
        assert not it.missing()


async def test_oldest_first_a_reading_that_ends_before_what_is_new_makes_no_gap() -> None:
    async with stage(STILL, quirks={"event_order": "oldest", "page_size_max": 20}) as it:
        it.emulator.world.add_events(30, at=wall() - 200, spread=600)
        await it.rounds(3)
        it.emulator.world.add_events(300, at=wall() - 12, spread=60)
        await it.rounds(3)
        it.emulator.faults.add(Fault("status", route="/events", min_page=4))
        await it.rounds(3)
        it.emulator.faults.clear()
        await it.rounds(8)
        assert (await it.read()).whole
        assert not it.kept.gaps


async def test_oldest_first_parts_that_end_before_what_the_account_had_shown_make_no_gap() -> None:
    quirks = {"event_order": "oldest", "page_size_max": 20}
    async with stage(BUSY, quirks=quirks) as it:
        await it.rounds(30, 60.0)
        it.emulator.quirks.events_account_wide = 403
        it.emulator.faults.add(Fault("status", route="/events", min_page=4))
        it.restart()
        await it.rounds(6)
        it.emulator.faults.clear()
        await it.rounds(10)
        assert (await it.read()).whole
        assert not it.kept.gaps


async def test_what_moves_up_while_old_events_are_forgotten_is_read_all_the_same() -> None:
    quirks = {"event_order": "oldest", "events_forgotten_after": 1790.0, "page_size_max": 50}
    async with stage(replace(BUSY, events_per_minute=10), quirks=quirks) as it:
        # Each page takes so long that events vanish from the first one meanwhile.
        it.emulator.faults.add(Fault("latency", route="/events", delay=15.0))
        begun = wall()
        await it.read()
        it.emulator.faults.clear()
        settled = it.truth(begun - 1400, begun - OPTIONS.settle)
        assert {event.id for event in settled} <= it.kept.events.keys()


@pytest.mark.parametrize("quirks", [APART, {"events_account_wide": "first"}], ids=["403", "first"])
async def test_an_environment_that_is_gone_leaves_a_gap_from_its_last_reading_on(
    quirks: dict[str, Any],
) -> None:
    async with stage(BUSY, quirks=quirks) as it:
        await it.rounds(3)
        doomed = it.home("staging")
        it.emulator.world.add_events(2, environment_id=doomed)
        it.emulator.world.delete_environment(doomed)
        await it.rounds(4)
        (gap,) = it.kept.gaps.values()
        assert (gap.kind, gap.environment_id) == ("environment", doomed)
        assert not it.missing(until=wall() - OPTIONS.settle - 30)
        assert gap.until - gap.since < 400
        assert (await it.read()).whole
        assert await it.mark(f"feed/{doomed}") is None


@pytest.mark.parametrize("behind", [90.0, 3_600.0, 86_400.0])
async def test_by_a_clock_that_is_behind_no_gap_ends_too_early(behind: float) -> None:
    async with stage(BUSY, quirks=APART) as it:
        await it.rounds(3)
        it.feed._wall = lambda: wall() - behind
        doomed = it.home("staging")
        it.emulator.world.add_events(2, environment_id=doomed)
        it.emulator.world.delete_environment(doomed)
        await it.rounds(4)
        it.feed._wall = wall
        await it.rounds(3)
        (gap,) = it.kept.gaps.values()
        assert (gap.kind, gap.environment_id) == ("environment", doomed)
        assert not it.missing(until=wall() - OPTIONS.settle - 30)


async def test_a_new_environment_is_read_from_its_beginning() -> None:
    async with stage(BUSY, quirks=APART) as it:
        await it.rounds(3)
        added = it.emulator.world.create_environment("new")
        early = it.emulator.world.add_events(3, environment_id=added.id)
        await asyncio.sleep(600)
        await it.rounds(2)
        assert set(early) <= it.kept.events.keys()
        assert not it.kept.gaps


async def test_an_environment_that_is_listed_late_is_read_from_its_beginning() -> None:
    async with stage(BUSY, quirks=APART) as it:
        listed = await it.environments()

        async def stale() -> Sequence[str]:
            return listed

        it.environments = stale  # type: ignore[method-assign] # a listing that lags
        it.restart()
        added = it.emulator.world.create_environment("new")
        early = it.emulator.world.add_events(3, environment_id=added.id)
        await it.rounds(10, 60.0)
        listed = [*listed, added.id]
        await it.rounds(2)
        assert set(early) <= it.kept.events.keys()


async def test_a_quiet_environment_has_no_gap_when_a_burst_elsewhere_narrows_the_questions() -> (
    None
):
    async with stage(STILL) as it:
        quiet, busy = it.home("staging"), it.home("production")
        world = it.emulator.world
        world.add_events(5, environment_id=quiet, at=wall() - 1200)
        world.add_events(5, environment_id=busy, at=wall() - 60)
        await it.rounds(3)
        await asyncio.sleep(3 * 3600)
        world.add_events(600, environment_id=busy, at=wall() - 20, spread=60)
        it.emulator.faults.add(Fault("status", route="/events", min_page=4))
        it.restart()
        await it.rounds(12)
        assert "forgotten" not in {gap.kind for gap in it.kept.gaps.values()}


async def test_a_gap_is_a_record_that_the_chain_takes_once() -> None:
    async with stage(STILL) as it:
        gap = Gap(kind="topics", since=1.8e9, until=1.8e9 + 1.5, environment_id="us_env_1")
        assert gap.detail == {
            "kind": "topics",
            "environment": "us_env_1",
            "topic": None,
            "from": "2027-01-15T08:00:00.000Z",
            "to": "2027-01-15T08:00:01.500Z",
        }
        assert draft(gap).kind is Kind.GAP

        for expected in (1, 0):
            append = partial(chain.append, drafts=[draft(gap)], now=wall())
            assert (await it.database.run(append)).records == expected


def _bounds(**changes: Any) -> Bounds:
    parts: dict[str, Any] = {"complete": 1000.0, "overlap": 100.0, "anchor": 800.0}
    return Bounds(**(parts | {"void": False, "held": 500.0} | changes))


def test_a_reading_joins_on_where_it_shows_what_was_read_before() -> None:
    assert _bounds().joins(met=True, oldest=2000.0)
    assert _bounds().joins(met=False, oldest=900.0)
    assert not _bounds().joins(met=False, oldest=900.1)
    assert not _bounds().joins(met=False, oldest=None)


def test_where_there_never_was_an_event_there_is_nothing_to_join_on_to() -> None:
    assert _bounds(complete=None).joins(met=False, oldest=None)
    assert _bounds(anchor=None).joins(met=False, oldest=2000.0)
    assert not _bounds(anchor=None, void=True).joins(met=False, oldest=2000.0)


def test_nothing_was_forgotten_in_less_time_than_the_source_keeps_events() -> None:
    assert _bounds().harmless(wall=1400.0)
    assert not _bounds().harmless(wall=1400.1)
    assert not _bounds(held=None).harmless(wall=1001.0)
    assert _bounds(complete=None).harmless(wall=9000.0)


def test_an_anchor_that_is_gone_shows_that_the_source_keeps_less_than_it_did() -> None:
    assert not _bounds(held=86_400.0, anchor=990.0).harmless(wall=1060.0)


def test_a_source_of_which_nothing_is_known_is_taken_to_keep_events_for_ten_minutes() -> None:
    unknown = _bounds(anchor=None, void=True, held=None)
    assert unknown.harmless(wall=1600.0)
    assert not unknown.harmless(wall=1600.1)
