"""How urgent the work at hand is: which of two requests goes first when the budget is short.

It is kept in the context, so that whatever a round starts is as urgent as the round: a task
inherits the context of the one that creates it.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Urgency:
    deadline: float
    every: float

    def at(self, now: float) -> float:
        if self.every <= 0.0 or self.deadline >= now:
            return self.deadline
        return self.deadline + math.ceil((now - self.deadline) / self.every) * self.every


_CURRENT: ContextVar[_Urgency | None] = ContextVar("urgency", default=None)


@contextmanager
def urgency(deadline: float, *, every: float = 0.0) -> Iterator[None]:
    """What is asked in here should be answered by ``deadline`` (loop time, seconds).

    Work that is due ``every`` so many seconds and misses its deadline gets the following one:
    the old one would put an hour's work that does not fit its hour before everything of a
    minute, until it is through. A request that waits keeps the deadline with which it came, and
    each hour has a last minute: so nothing starves.
    """
    token = _CURRENT.set(_Urgency(deadline, every))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def deadline(now: float) -> float:
    """Of a request that is made at ``now``, both in loop time. What nobody put off is due now."""
    current = _CURRENT.get()
    return now if current is None else current.at(now)
