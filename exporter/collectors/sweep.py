"""Going through many things with a few workers, and stopping early when nothing answers."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

from exporter.errors import RoundError

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

_IN_A_ROW = 16
"""So many failures without an answer between them end the sweep: the API is down, and asking two
thousand times what has no answer would hold up the next round for hours."""


_AVAILABLE: ContextVar[float] = ContextVar("available", default=0.0)


@contextmanager
def unhurried(seconds: float) -> Iterator[None]:
    """A sweep in here may take that long, and need not come as one burst; 0 is as fast as can be.

    It is kept in the context, like urgency: a round knows its time, a sweep what it has to do.
    """
    token = _AVAILABLE.set(seconds)
    try:
        yield
    finally:
        _AVAILABLE.reset(token)


@dataclass(slots=True)
class Swept(Generic[K, R]):
    """What each thing answered or how it failed. What was not asked any more is in neither."""

    answers: dict[K, R] = field(default_factory=dict)
    failures: dict[K, RoundError] = field(default_factory=dict)
    in_a_row: int = 0


async def sweep(
    things: Sequence[K],
    ask: Callable[[K], Awaitable[R]],
    *,
    workers: int,
    pace: float | None = None,
) -> Swept[K, R]:
    """Ask about each; ``pace`` is the least number of seconds between two starts.

    Without it, the starts are spread evenly over the time that there is (:func:`unhurried`), yet
    ``workers`` of them a second at the least, and as many at once: who has little to ask does not
    wait for the answers. Workers take from one iterator, so that thousands of things cost a few tasks.
    """
    swept: Swept[K, R] = Swept()
    waiting = iter(things)
    loop = asyncio.get_running_loop()
    if pace is None:
        starts = _starts(loop.time(), _even(len(things), workers), workers)
    else:
        starts = _starts(loop.time(), pace, 1)

    async def work() -> None:
        for thing in waiting:
            if swept.in_a_row >= _IN_A_ROW:
                return
            if (wait := next(starts) - loop.time()) > 0.0:
                await asyncio.sleep(wait)
            try:
                swept.answers[thing] = await ask(thing)
                swept.in_a_row = 0
            except RoundError as error:
                swept.failures[thing] = error
                swept.in_a_row += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(min(workers, len(things))):
            group.create_task(work())
    return swept


def _even(things: int, workers: int) -> float:
    return min(_AVAILABLE.get() / max(1, things), 1.0 / max(1, workers))


def _starts(first: float, pace: float, at_once: int) -> Iterator[float]:
    """When to begin with each; so many of them at once."""
    return (first + pace * max(0, number - at_once + 1) for number in count())


def shortfall(failures: dict[K, RoundError], asked: int, what: str) -> RoundError | None:
    """One error that stands for all of them, of the kind of the first; None if there are none."""
    if not failures:
        return None
    first = next(iter(failures.values()))
    if asked == 1:
        return first
    return type(first)(f"{len(failures)} of {asked} {what} could not be read; the first: {first}")


def spread(things: Sequence[K], most: int) -> Sequence[K]:
    """At most so many of them, evenly from first to last: a sample that is the same each time."""
    return things[:: max(1, -(-len(things) // most))] if things else ()
