"""How the questions of a sweep are spread over the time that there is."""

import asyncio

import pytest

from exporter.collectors import agents
from exporter.collectors.sweep import sweep, unhurried
from exporter.emulator import Scale
from exporter.jobs.rounds import play
from tests.support.account import bench


async def _starts(
    things: int, available: float, workers: int = 8, takes: float = 0.01
) -> list[float]:
    began: list[float] = []
    loop = asyncio.get_running_loop()

    async def ask(_: int) -> None:
        began.append(loop.time())
        await asyncio.sleep(takes)

    first = loop.time()
    with unhurried(available):
        await sweep(range(things), ask, workers=workers)
    return [at - first for at in began]


async def test_a_sweep_with_time_takes_it_and_comes_evenly() -> None:
    starts = await _starts(2000, available=30.0)
    assert starts[-1] == pytest.approx(30.0, rel=0.01)
    in_a_second = [sum(1 for at in starts if s <= at < s + 1) for s in range(29)]
    assert max(in_a_second) <= 2000 / 30 + 8 + 1
    assert min(in_a_second) >= 2000 / 30 - 2


async def test_a_sweep_without_time_comes_as_fast_as_it_is_answered() -> None:
    starts = await _starts(2000, available=0.0)
    assert starts[-1] == pytest.approx(2000 / 8 * 0.01, rel=0.05)


async def test_a_small_sweep_does_not_wait() -> None:
    assert await _starts(8, available=1800.0) == [0.0] * 8
    starts = await _starts(40, available=1800.0)
    assert starts[-1] == pytest.approx((40 - 8) / 8)  # so many a second as may be in flight


async def test_slow_answers_are_made_up_for_rather_than_added_to() -> None:
    starts = await _starts(400, available=30.0, takes=0.55)
    assert starts[-1] == pytest.approx(30.0, rel=0.05)


async def test_the_first_round_of_a_collector_hurries_and_the_next_ones_take_half_the_interval() -> (
    None
):
    many = Scale(environments=600, spaces=5, users=1, guests=1, events_per_minute=0)
    async with bench(many) as it:
        around = it.surroundings()
        took = []
        for _ in range(3):
            await play(agents.COLLECTOR, around)
            took.append(it.board.snapshot.records["agents"].duration or 0.0)
        assert took[0] < 2.0
        assert took[1:] == pytest.approx([30.0, 30.0], rel=0.03)


async def test_how_late_a_round_began_stands_on_the_board_from_the_first_on() -> None:
    async with bench() as it:
        around = it.surroundings()
        assert it.board.snapshot.records["agents"].lateness is None
        await play(agents.COLLECTOR, around, 0.0)
        assert it.board.snapshot.records["agents"].lateness == 0.0
        await asyncio.sleep(200.0)
        await play(agents.COLLECTOR, around, 60.0)
        assert it.board.snapshot.records["agents"].lateness == pytest.approx(140.0)
