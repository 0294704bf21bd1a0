"""Whether a route has become slow: its answers of late against what it usually takes.

Means are of logarithms: one answer of half a minute among quick ones must not look like a
struggling server.
"""

from math import exp, log

TIMES = 3.0
"""Slow is at least so many times what is usual,"""

SECONDS = 1.0
"""and so long. A busy processor of ours, or a page that grew, stays below."""

ENOUGH = 8
"""Answers in a row of measurements before they are judged."""

_LEAST = 1e-3  # seconds; the logarithm of nothing is minus infinity
_FAST = 0.25  # weight of an answer in what the route takes of late
_FALL = 0.1  # weight of an answer that is quicker than usual
_RISE = 600.0  # seconds in which most of a lasting change has become usual
_STEP = 10.0  # seconds at most that one answer stands for


class Latency:
    """Of one route."""

    __slots__ = ("_answers", "_asked", "_at", "_late", "_usual")

    def __init__(self) -> None:
        self._usual: float | None = None
        self._late = 0.0
        self._at = 0.0
        self._asked = -1
        self._answers = 0

    @property
    def usual(self) -> float | None:
        """Seconds; None before the first answer."""
        return None if self._usual is None else exp(self._usual)

    def slow(self, seconds: float, now: float, row: int) -> bool:
        """Whether the answer that took so long makes the route a slow one.

        Answers of another ``row`` of measurements, before the rate was last changed, say nothing
        of how the server is doing now.
        """
        took = log(max(seconds, _LEAST))
        usual = self._usual
        if usual is None:
            usual = took
        elif took < usual:
            usual += _FALL * (took - usual)
        else:
            usual += min(_STEP, now - self._at) / _RISE * (took - usual)
        self._usual, self._at = usual, now
        if row != self._asked:
            self._asked, self._answers, self._late = row, 0, took
        self._answers += 1
        self._late += _FAST * (took - self._late)
        bound = max(log(SECONDS), usual + log(TIMES))
        return self._answers >= ENOUGH and took > bound and self._late > bound
