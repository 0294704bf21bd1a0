"""When things run: on their interval without drift, late rather than never, and never twice.

The next due time is computed before a run, so that a slow run does not move those after it. A run
that outlasts its interval is followed at once by the next one; due times that passed meanwhile
are not made up for, since another run would only see the same.

First runs come at once, so that there is something to see: a little apart, but for those without
which nothing is ready. From the second on, each job has a phase of its own: jobs with the same
interval do not ask all at the same moment for ever.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from exporter.flatfile.urgency import urgency

_STAGGER = 0.25  # seconds over which the first runs are spread
_SHARE = 0.1  # of its interval that a job may wait for its first run
_FIRST = 60.0  # seconds within which a first run should be through
_SALT = b"phase 1467"  # by trial: the collectors with the same default interval are far apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """``run`` every ``interval`` seconds; what it raises ends the process.

    It is given the time (of the loop) when the run was due, before any that were missed were
    skipped; what it asks is to be answered by the time when the next one is due. ``awaited`` is a
    job for whose first run somebody waits: it is not put off.
    """

    name: str
    interval: float
    run: Callable[[float], Awaitable[None]]
    awaited: bool = False


@dataclass(slots=True)
class Timetable:
    """When each job is due next, in loop time. Outlives a reload, so that nothing starts over."""

    due: dict[str, float] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    """Jobs that have run, and so have their phase."""

    def confine(self, names: Sequence[str]) -> None:
        """Forget all others: one that is switched on again later has not been late meanwhile."""
        self.due = {name: due for name, due in self.due.items() if name in names}
        self.settled &= set(names)


async def repeat(jobs: Sequence[Job], timetable: Timetable) -> None:
    """Run all of them until cancelled; one task each."""
    timetable.confine([job.name for job in jobs])
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, timetable), name=job.name)


async def _repeat(job: Job, timetable: Timetable) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time()
    wait = 0.0 if job.awaited else stagger(job.name, job.interval)
    due = timetable.due.get(job.name, now + wait)
    if due > now + job.interval:
        # An interval that a reload made shorter must not wait out the longer one.
        due = now + phase(job.name, job.interval)
    while True:
        timetable.due[job.name] = due
        await asyncio.sleep(due - loop.time())
        began = loop.time()
        # The timetable keeps the old time until the run is over: one that a reload cuts off is
        # done again at once, not skipped.
        # A first round is waited for by somebody, however long its interval is.
        first = job.name not in timetable.settled
        within = min(job.interval, _FIRST) if first else job.interval
        with urgency(due + within, every=job.interval):
            await job.run(due)
        step = job.interval
        if job.name not in timetable.settled:
            timetable.settled.add(job.name)
            # Who takes longer than the phase leaves time for is not late by that.
            step = min(step, max(phase(job.name, step), loop.time() - began))
        due = following(due, job.interval, began) + step


def following(due: float, interval: float, now: float) -> float:
    """The due time to use ``now``: the newest of those that have passed, else ``due`` itself."""
    missed = (now - due) // interval
    return due + missed * interval if missed > 0 else due


def stagger(name: str, interval: float) -> float:
    """Seconds until the first run of a job, the same at each start."""
    share = hashlib.blake2b(name.encode(), digest_size=4).digest()
    return int.from_bytes(share, "big") / 2**32 * min(_STAGGER, _SHARE * interval)


def phase(name: str, interval: float) -> float:
    """Seconds from the first run of a job to its second, the same at each start.

    At least half of the interval and less than the whole: nothing gets older than it may.
    """
    share = hashlib.blake2b(name.encode(), digest_size=4, person=_SALT).digest()
    return (0.5 + int.from_bytes(share, "big") / 2**33) * interval
