"""Going through many things with a few workers, and stopping early when nothing answers."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from exporter.errors import RoundError

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

_IN_A_ROW = 16
"""So many failures without an answer between them end the sweep: the API is down, and asking two
thousand times what has no answer would hold up the next round for hours."""


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
    pace: float = 0.0,
) -> Swept[K, R]:
    """Ask about each; ``pace`` is the least number of seconds between two starts.

    Workers take from one iterator, so that thousands of things cost a few tasks.
    """
    swept: Swept[K, R] = Swept()
    waiting = iter(things)
    loop = asyncio.get_running_loop()
    starts = _starts(loop.time(), pace)

    async def work() -> None:
        for thing in waiting:
            if swept.in_a_row >= _IN_A_ROW:
                return
            if pace:
                await asyncio.sleep(next(starts) - loop.time())
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


def _starts(first: float, pace: float) -> Iterator[float]:
    due = first
    while True:
        yield due
        due += pace


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
