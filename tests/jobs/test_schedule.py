"""When jobs run."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from exporter.jobs.schedule import Job, Timetable, following, repeat, stagger


async def _run_for(seconds: float, jobs: list[Job], timetable: Timetable | None = None) -> None:
    task = asyncio.create_task(repeat(jobs, timetable or Timetable()))
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _recording(times: list[float], takes: float = 0) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(takes)

    return run


async def test_a_slow_run_does_not_move_those_after_it() -> None:
    times: list[float] = []
    await _run_for(1000, [Job(name="a", interval=60, run=_recording(times, takes=40))])
    first = times[0]
    assert times == pytest.approx([first + 60 * i for i in range(len(times))])
    assert len(times) == 17


async def test_a_run_that_outlasts_its_interval_is_followed_at_once_and_never_doubled() -> None:
    times: list[float] = []
    await _run_for(1000, [Job(name="a", interval=60, run=_recording(times, takes=100))])
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == pytest.approx([100] * len(gaps))


async def test_a_stall_of_many_intervals_costs_one_run_and_keeps_the_phase() -> None:
    assert following(due=70, interval=60, now=400) == 370
    assert following(due=70, interval=60, now=50) == 70


async def test_what_a_job_raises_ends_all_of_them() -> None:
    async def fail() -> None:
        raise LookupError("a bug")

    times: list[float] = []
    jobs = [Job(name="a", interval=5, run=_recording(times)), Job(name="b", interval=60, run=fail)]
    with pytest.raises(ExceptionGroup) as caught:
        await repeat(jobs, Timetable())
    assert caught.group_contains(LookupError)


async def test_a_run_cut_off_by_a_reload_is_done_again_at_once() -> None:
    times: list[float] = []
    timetable = Timetable()
    jobs = [Job(name="a", interval=60, run=_recording(times, takes=30))]
    await _run_for(10, jobs, timetable)
    await _run_for(10, jobs, timetable)
    assert len(times) == 2
    assert times[1] == pytest.approx(10)


async def test_a_reload_between_runs_does_not_start_anything_over() -> None:
    times: list[float] = []
    timetable = Timetable()
    jobs = [Job(name="a", interval=60, run=_recording(times))]
    await _run_for(10, jobs, timetable)
    await _run_for(70, jobs, timetable)
    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(60)


async def test_an_interval_made_shorter_by_a_reload_holds_at_once() -> None:
    times: list[float] = []
    timetable = Timetable()
    await _run_for(10, [Job(name="a", interval=3600, run=_recording(times))], timetable)
    await _run_for(60, [Job(name="a", interval=30, run=_recording(times))], timetable)
    assert len(times) == 2 + 1


def test_first_runs_are_spread_and_the_same_at_each_start() -> None:
    waits = {name: stagger(name, 60) for name in ("environments", "agents", "users", "guests")}
    assert len(set(waits.values())) == len(waits)
    assert all(0 <= wait < 1 for wait in waits.values())
    assert stagger("agents", 1) < 0.1
