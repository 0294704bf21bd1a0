"""The budget: how many at once, how often, and not before when."""

import asyncio
from random import Random

import pytest
from structlog.testing import capture_logs

from exporter.errors import Throttled
from exporter.flatfile.budget import Budget
from exporter.flatfile.governor import FLOOR, RECOVERY, Sign
from exporter.flatfile.urgency import deadline, urgency
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


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _named(budget: Budget, name: str, order: list[str], hold: float = 0.0) -> None:
    async with budget.slot():
        order.append(name)
        await asyncio.sleep(hold)


def _ask(budget: Budget, name: str, order: list[str], due: float) -> asyncio.Task[None]:
    with urgency(due):
        return asyncio.create_task(_named(budget, name, order))


async def test_the_earliest_deadline_goes_first_and_ties_are_first_come_first_served() -> None:
    budget, order = Budget(10.0, 1, Usage()), list[str]()
    first = asyncio.create_task(_named(budget, "first", order, hold=1.0))
    await asyncio.sleep(0.1)
    wanted = [("hour", 3600.0), ("minute", 60.0), ("minute again", 60.0), ("late", -5.0)]
    rest = [_ask(budget, name, order, due) for name, due in wanted]
    rest.append(asyncio.create_task(_named(budget, "undated", order)))
    await asyncio.gather(first, *rest)
    assert order == ["first", "late", "undated", "minute", "minute again", "hour"]


async def test_who_logs_in_goes_before_everybody_whatever_is_late() -> None:
    budget, order = Budget(10.0, 1, Usage()), list[str]()
    first = asyncio.create_task(_named(budget, "first", order, hold=1.0))
    await asyncio.sleep(0.1)
    late = _ask(budget, "late", order, -1000.0)

    async def log_in() -> None:
        async with budget.login_slot():
            order.append("log in")

    await asyncio.gather(first, late, log_in())
    assert order == ["first", "log in", "late"]


async def test_what_waits_becomes_the_most_urgent_in_the_end() -> None:
    budget, order = Budget(1.0, 1, Usage()), list[str]()
    await _named(budget, "first", order)
    hour = _ask(budget, "hour", order, 300.0)
    minutes = [_ask(budget, "minute", order, 60.0)]

    async def stream() -> None:
        for _ in range(400):  # more than the budget allows, for ever
            minutes.append(_ask(budget, "minute", order, _now() + 60.0))
            await asyncio.sleep(0.9)

    await stream()
    assert hour.done()
    assert order.index("hour") >= 200
    await asyncio.gather(*minutes)


async def test_a_missed_deadline_is_followed_by_the_next_one() -> None:
    with urgency(60.0, every=60.0):
        assert deadline(59.0) == 60.0
        assert deadline(61.0) == 120.0
        assert deadline(1000.0) == 1020.0
    with urgency(60.0):
        assert deadline(1000.0) == 60.0
    assert deadline(7.0) == 7.0


@pytest.mark.parametrize("seed", range(8))
async def test_no_token_and_no_place_is_ever_lost_or_made_up(seed: int) -> None:
    dice = Random(seed)
    budget, begun, inside, most = Budget(5.0, 3, Usage()), list[float](), 0, 0
    holds = [0.0, 0.05, 2.0]

    async def one() -> None:
        nonlocal inside, most
        async with budget.slot():
            begun.append(_now())
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(dice.choice(holds))
            finally:
                inside -= 1

    tasks: list[asyncio.Task[None]] = []
    for _ in range(300):
        with urgency(dice.uniform(0.0, 100.0)):
            tasks.append(asyncio.create_task(one()))
        if dice.random() < 0.4:
            dice.choice(tasks).cancel()
        if dice.random() < 0.02:
            budget.pause(dice.uniform(0.0, 3.0))
        if dice.random() < 0.5:
            await asyncio.sleep(dice.choice([0.0, 0.01, 0.2, 0.4]))
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 3
    for number, at in enumerate(begun):  # never more than the bucket held and what came in
        assert number + 1 <= 3 + 5.0 * at + 1e-6
    await asyncio.sleep(10.0)
    assert (budget._places, budget._tokens <= 3.0, budget._line) == (3, True, [])
    begun.clear()
    holds = [0.0]
    came = _now()
    await asyncio.gather(*(one() for _ in range(13)))
    assert begun[:3] == [came] * 3
    assert begun[-1] - came == pytest.approx(2.0, abs=0.01)


async def test_a_turn_that_came_together_with_a_cancellation_goes_to_the_next() -> None:
    budget, order = Budget(1000.0, 1, Usage()), list[str]()
    gate = asyncio.Event()

    async def holder() -> None:
        async with budget.slot():
            await gate.wait()

    tasks = [asyncio.create_task(each) for each in (holder(), _named(budget, "a", order))]
    await asyncio.sleep(0.1)
    tasks.append(asyncio.create_task(_named(budget, "b", order)))
    await asyncio.sleep(0.1)
    gate.set()
    await asyncio.sleep(0)  # the holder leaves, and the turn is given to the first in line
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["b"]
    assert budget._places == 1


async def test_thousands_that_are_cancelled_leave_the_line_clean() -> None:
    budget = Budget(1.0, 1, Usage())
    budget.pause(50.0)
    tasks = [asyncio.create_task(_named(budget, "", [])) for _ in range(5000)]
    await asyncio.sleep(1.0)
    assert len(budget._line) == 5000
    for task in tasks[:-10]:
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(budget._line) <= 20
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert budget._line == []


async def test_a_long_pause_ends_the_patience_of_those_who_wait_already() -> None:
    budget = Budget(1000.0, 1, Usage())
    budget.pause(30.0)
    waiting = [asyncio.create_task(_named(budget, "", [])) for _ in range(3)]
    await asyncio.sleep(1.0)
    budget.pause(600.0)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [Throttled] * 3
    assert _now() == pytest.approx(1.0)


async def test_a_pause_of_the_token_endpoint_holds_back_only_logging_in() -> None:
    usage = Usage()
    budget, begun = Budget(1000.0, 4, usage), list[float]()
    budget.pause(20.0, login=True)
    assert budget.rate == 1000.0
    await enter(budget, begun)
    async with budget.login_slot():
        begun.append(_now())
    assert begun == pytest.approx([0.0, 20.0])
    assert usage.reading().throttled_seconds == pytest.approx(20.0)
    budget.pause(600.0, login=True)
    with pytest.raises(Throttled):
        async with budget.login_slot():
            pass
    budget.pause(10.0)  # the API's own concerns logging in as well
    await enter(budget, begun)
    assert begun[-1] == pytest.approx(30.0)


async def test_slowing_down_and_being_back_are_one_line_each() -> None:
    budget = Budget(100.0, 4, Usage())
    with capture_logs() as lines:
        for _ in range(5):
            await enter(budget, [])
            budget.notice(Sign.UNAVAILABLE, "/agents", _now())
            await asyncio.sleep(1.0)
        assert FLOOR <= budget.rate < 10.0
        await asyncio.sleep(RECOVERY)
        for _ in range(5):
            await enter(budget, [])
    assert [line["event"] for line in lines] == ["api_slowed_down", "api_at_full_rate"]
    assert lines[0]["because"] == "503"
    assert budget.rate == 100.0


async def test_while_the_api_is_spared_there_is_no_burst() -> None:
    budget, begun = Budget(100.0, 8, Usage()), list[float]()
    await asyncio.gather(*(enter(budget, begun) for _ in range(50)))
    budget.notice(Sign.THROTTLED, "/agents", _now())
    rate = budget.rate
    await asyncio.sleep(20.0)
    begun.clear()
    await asyncio.gather(*(enter(budget, begun) for _ in range(30)))
    in_a_tenth = max(sum(1 for b in begun if a <= b < a + 0.1) for a in begun)
    assert in_a_tenth <= 2 * max(1.0, 0.1 * budget.rate) + 1
    assert rate < budget.rate < 100.0


async def test_a_reload_goes_on_at_the_rate_and_with_the_pauses_of_before() -> None:
    old = Budget(100.0, 4, Usage())
    await enter(old, [])
    old.notice(Sign.THROTTLED, "/agents", _now() + 0.1)
    old.pause(20.0)
    new = Budget(50.0, 4, Usage(), old.governor)
    assert new.rate == 0.0
    await enter(new, [])
    assert _now() == pytest.approx(20.0)
    assert new.rate < 2.0
    await asyncio.sleep(RECOVERY)
    assert new.rate == 50.0


async def test_a_long_pause_told_to_the_session_before_is_not_waited_out() -> None:
    old = Budget(100.0, 4, Usage())
    new = Budget(100.0, 1, Usage(), old.governor)
    new.pause(5.0)
    waiting = asyncio.create_task(enter(new, []))
    await asyncio.sleep(1.0)
    old.pause(600.0)
    with pytest.raises(Throttled):
        await waiting
    assert _now() == pytest.approx(5.0)
