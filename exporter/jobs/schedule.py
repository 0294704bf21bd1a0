"""When things run: on their interval without drift, late rather than never, and never twice.

The next due time is computed before a run, so that a slow run does not move those after it. A run
that outlasts its interval is followed at once by the next one; due times that passed meanwhile
are not made up for, since another run would only see the same.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

_STAGGER = 1.0  # seconds over which the first runs are spread
_SHARE = 0.1  # of its interval that a job may wait for its first run


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """``run`` every ``interval`` seconds; what it raises ends the process."""

    name: str
    interval: float
    run: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Timetable:
    """When each job is due next, in loop time. Outlives a reload, so that nothing starts over."""

    due: dict[str, float] = field(default_factory=dict)


async def repeat(jobs: Sequence[Job], timetable: Timetable) -> None:
    """Run all of them until cancelled; one task each."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, timetable), name=job.name)


async def _repeat(job: Job, timetable: Timetable) -> None:
    loop = asyncio.get_running_loop()
    due = timetable.due.setdefault(job.name, loop.time() + stagger(job.name, job.interval))
    # An interval that a reload made shorter must not wait out the longer one.
    due = min(due, loop.time() + job.interval)
    while True:
        timetable.due[job.name] = due
        await asyncio.sleep(due - loop.time())
        # The timetable keeps the old time until the run is over: one that a reload cuts off is
        # done again at once, not skipped.
        await job.run()
        due = following(due + job.interval, job.interval, loop.time())


def following(due: float, interval: float, now: float) -> float:
    """The due time to use ``now``: the newest of those that have passed, else ``due`` itself."""
    missed = (now - due) // interval
    return due + missed * interval if missed > 0 else due


def stagger(name: str, interval: float) -> float:
    """Seconds until the first run of a job, the same at each start."""
    share = hashlib.blake2b(name.encode(), digest_size=4).digest()
    return int.from_bytes(share, "big") / 2**32 * min(_STAGGER, _SHARE * interval)
