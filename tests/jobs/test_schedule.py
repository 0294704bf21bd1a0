"""When jobs run."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from exporter.catalog import COLLECTORS
from exporter.flatfile.urgency import deadline
from exporter.jobs.schedule import Job, Timetable, following, phase, repeat, stagger
from exporter.settings import Settings


async def _run_for(seconds: float, jobs: list[Job], timetable: Timetable | None = None) -> None:
    task = asyncio.create_task(repeat(jobs, timetable or Timetable()))
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _recording(times: list[float], takes: float = 0) -> Callable[[float], Awaitable[None]]:
    async def run(_due: float) -> None:
        times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(takes)

    return run


async def test_a_slow_run_does_not_move_those_after_it() -> None:
    times: list[float] = []
    await _run_for(1000, [Job(name="a", interval=60, run=_recording(times, takes=40))])
    second = times[1]
    assert times[1:] == pytest.approx([second + 60 * i for i in range(len(times) - 1)])
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
    async def fail(_due: float) -> None:
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
    await _run_for(50, jobs, timetable)
    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(phase("a", 60))


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


async def test_a_first_run_that_somebody_waits_for_comes_at_once_and_the_next_in_its_phase() -> (
    None
):
    times: list[float] = []
    job = Job(name="agents", interval=60, run=_recording(times), awaited=True)
    await _run_for(100, [job])
    assert times == pytest.approx([0.0, phase("agents", 60)])
    assert stagger("agents", 60) > 0.0


def _following(starts: list[float], takes: float) -> Callable[[float], Awaitable[None]]:
    """Notes how late each run began."""

    async def run(due: float) -> None:
        starts.append(asyncio.get_running_loop().time() - due)
        await asyncio.sleep(takes)

    return run


async def test_the_second_run_comes_within_the_interval_and_not_in_its_first_half() -> None:
    for name in ("environments", "agents", "spaces", "users", "x"):
        times: list[float] = []
        await _run_for(200, [Job(name=name, interval=60, run=_recording(times))])
        assert 30 <= times[1] - times[0] < 60
        gaps = [b - a for a, b in itertools.pairwise(times[1:])]
        assert gaps == pytest.approx([60] * len(gaps))


def test_collectors_with_the_same_interval_are_apart_from_the_second_run_on() -> None:
    by_name = Settings().collector.by_name()
    names = [collector.name for collector in COLLECTORS]
    for one, other in itertools.combinations(names, 2):
        interval = by_name[one].interval
        if by_name[other].interval == interval:
            assert abs(phase(one, interval) - phase(other, interval)) > interval / 10, (one, other)


async def test_a_run_is_told_when_it_was_due_before_any_missed_ones_were_skipped() -> None:
    late: list[float] = []
    await _run_for(1000, [Job(name="a", interval=60, run=_following(late, takes=200))])
    assert late[:2] == pytest.approx([0, 140])
    assert all(140 - 1e-6 <= each < 200 for each in late[1:])


async def test_runs_that_fit_their_interval_are_never_late() -> None:
    late: list[float] = []
    await _run_for(1000, [Job(name="a", interval=60, run=_following(late, takes=59.5))])
    assert late == pytest.approx([0] * 17)


async def test_a_job_that_was_off_for_a_while_is_not_late_when_it_is_on_again() -> None:
    late: list[float] = []
    timetable = Timetable()
    jobs = [Job(name="a", interval=60, run=_following(late, takes=0))]
    await _run_for(100, jobs, timetable)
    await _run_for(3600, [Job(name="b", interval=60, run=_following([], takes=0))], timetable)
    before = len(late)
    await _run_for(10, jobs, timetable)
    assert len(late) == before + 1
    assert late == pytest.approx([0] * len(late))


async def test_a_reload_made_all_intervals_shorter_and_the_jobs_stay_apart() -> None:
    times: dict[str, list[float]] = {"agents": [], "users": []}
    timetable = Timetable()
    for interval, seconds in ((3600, 10), (30, 40)):
        jobs = [Job(name=n, interval=interval, run=_recording(t)) for n, t in times.items()]
        await _run_for(seconds, jobs, timetable)
    assert abs(times["agents"][1] - times["users"][1]) > 1


async def test_what_a_run_asks_is_to_be_answered_by_its_next_due_time() -> None:
    seen: list[float] = []

    async def run(due: float) -> None:
        now = asyncio.get_running_loop().time()
        inside = await asyncio.create_task(_deadline())  # a task inherits it
        seen.append(inside - due)
        assert deadline(now) == inside

    await _run_for(200, [Job(name="a", interval=60, run=run)])
    assert seen == pytest.approx([60] * len(seen))
    assert len(seen) >= 3


async def _deadline() -> float:
    return deadline(asyncio.get_running_loop().time())
