"""The budget: how many at once, how often, and not before when."""

import asyncio

import pytest

from exporter.errors import Throttled
from exporter.flatfile.budget import Budget
from exporter.flatfile.usage import Usage


async def enter(budget: Budget, begun: list[float], hold: float = 0.0) -> None:
    async with budget.slot():
        begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(hold)


async def test_after_a_burst_requests_begin_at_the_rate() -> None:
    budget, begun = Budget(10.0, 4, Usage()), list[float]()
    await asyncio.gather(*(enter(budget, begun) for _ in range(24)))
    assert begun[:4] == [0.0] * 4
    assert begun[-1] == pytest.approx(2.0, abs=0.05)


async def test_never_more_at_once_than_the_concurrency() -> None:
    budget, begun = Budget(1000.0, 3, Usage()), list[float]()
    await asyncio.gather(*(enter(budget, begun, 1.0) for _ in range(9)))
    assert [round(at) for at in begun] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


async def test_a_pause_holds_back_everybody_and_is_counted() -> None:
    usage = Usage()
    budget, begun = Budget(1000.0, 4, usage), list[float]()
    budget.pause(30.0)
    budget.pause(5.0)  # a shorter one does not end a longer one
    assert budget.rate == 0.0
    await asyncio.gather(*(enter(budget, begun) for _ in range(4)))
    assert min(begun) == pytest.approx(30.0)
    assert usage.reading().throttled_seconds == pytest.approx(120.0)
    assert budget.rate == 1000.0


async def test_a_pause_also_holds_back_those_who_already_wait_in_line() -> None:
    budget, begun = Budget(1.0, 1, Usage()), list[float]()
    waiting = [asyncio.create_task(enter(budget, begun)) for _ in range(3)]
    await asyncio.sleep(0.5)
    budget.pause(20.0)
    await asyncio.gather(*waiting)
    assert begun[0] == 0.0
    assert begun[1] == pytest.approx(20.5)


async def test_a_pause_beyond_patience_fails_at_once_instead_of_hanging() -> None:
    budget = Budget(1000.0, 4, Usage())
    budget.pause(600.0)
    with pytest.raises(Throttled, match="600 s to go"):
        await enter(budget, [])
    assert asyncio.get_running_loop().time() == 0.0


async def test_a_cancelled_waiter_takes_no_place_and_no_turn_with_it() -> None:
    budget, begun = Budget(2.0, 1, Usage()), list[float]()
    tasks = [asyncio.create_task(enter(budget, begun)) for _ in range(5)]
    await asyncio.sleep(0.1)
    tasks[1].cancel()  # the head of the line
    tasks[3].cancel()  # somebody in the middle
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [pytest.approx(0.0), pytest.approx(0.5, abs=0.01), pytest.approx(1.0, abs=0.01)]
    await asyncio.wait_for(enter(budget, begun), 2.0)


async def test_the_line_is_first_come_first_served() -> None:
    budget, order = Budget(10.0, 2, Usage()), list[int]()

    async def one(number: int) -> None:
        async with budget.slot():
            order.append(number)

    await asyncio.gather(*(one(number) for number in range(20)))
    assert order == list(range(20))
