"""How often the API may be asked right now: less when it struggles, and more again by itself.

Additive increase, multiplicative decrease. Nothing here looks at a clock or waits; all times are
seconds of one clock that never goes back. Outlives a reload, which is no reason to hurry.
"""

from enum import Enum
from math import exp, inf

from exporter.flatfile.latency import Latency

FLOOR = 0.5
"""Requests a second that are always allowed (or the limit, if that is less): enough to see that
an outage is over, too few to prolong it."""

RECOVERY = 180.0
"""Seconds of quiet after which the limit holds again, from wherever the rate was."""

CAUTION = 60.0
"""The first part of the recovery from a 429, which only leads back to the rate that earned it."""

_MEAN = 2.0  # seconds: the time constant of the rate achieved
_LATELY = 60.0
"""Seconds: the time constant with which the highest rate achieved is forgotten. Sweeps come and
go: one failure between two of them must not make the next one start from nothing."""


class Sign(Enum):
    """That the API is asked too much; the value is the factor of the decrease."""

    THROTTLED = 0.5, "429"
    """It says so itself, and at which rate."""
    UNAVAILABLE = 0.7, "503"
    TIMED_OUT = 0.7, "no answer in time"
    SLOW = 0.7, "slow answers"

    def __init__(self, factor: float, words: str) -> None:
        self.factor = factor
        self.words = words


class Governor:
    """The rate between a floor and ``limit``, in requests a second."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.paused_until = self.login_paused_until = -inf
        self._floor = min(FLOOR, limit)
        self._base = self._knee = limit
        self._caution = 0.0
        self._decreased_at = -inf
        self._row = 0
        self._flow = self._most = 0.0
        self._sent_at = -inf
        self._latencies: dict[str, Latency] = {}
        self._failing: set[str] = set()
        self._well = False  # whether anything sent since the last decrease succeeded

    def rate(self, now: float) -> float:
        """Time alone raises it, so that it is not stuck while nothing is asked."""
        since = now - self._decreased_at
        if since >= RECOVERY:
            return self.limit
        if since < self._caution:
            return self._base + (self._knee - self._base) * since / self._caution
        share = (since - self._caution) / (RECOVERY - self._caution)
        return self._knee + (self.limit - self._knee) * share

    def slowed(self, now: float) -> bool:
        """Whether less than the limit is allowed."""
        return now - self._decreased_at < RECOVERY

    def pause(self, until: float, *, login: bool = False) -> None:
        """Nothing is to be sent until then, or only no login. A shorter one ends no longer one."""
        if login:
            self.login_paused_until = max(self.login_paused_until, until)
        else:
            self.paused_until = max(self.paused_until, until)

    def sent(self, now: float) -> None:
        """A request begins."""
        since = now - self._sent_at
        self._flow = self._flow * exp(-since / _MEAN) + 1.0 / _MEAN
        self._most = max(self._flow, self._most * exp(-since / _LATELY))
        self._sent_at = now

    def notice(self, sign: Sign, route: str, sent: float, now: float) -> bool:
        """What the answer to a request says that was sent then; whether that changed the rate.

        What was sent before the last decrease says nothing of the rate since. Nor does a route
        that does nothing but fail while others answer: it is broken, and would keep all of them
        at the floor. The decrease starts from the rate that was really used: half of 300 would
        change nothing for who sends 20.
        """
        if sent <= self._decreased_at:
            return False
        if sign in {Sign.UNAVAILABLE, Sign.TIMED_OUT}:
            if self._well and route in self._failing:
                return False
            self._failing.add(route)
        used = min(self.rate(now), self._most)
        self._base = max(self._floor, sign.factor * used)
        if sign is Sign.THROTTLED:
            self._knee, self._caution = max(self._base, used), CAUTION
        else:
            self._knee, self._caution = self._base, 0.0
        self._decreased_at = now
        self._well = False
        self._row += 1
        return True

    def answered(self, route: str, seconds: float, sent: float, now: float) -> bool:
        """A success took so long; whether that is slow, and changed the rate."""
        self._failing.discard(route)
        if sent <= self._decreased_at:
            return False
        self._well = True
        latency = self._latencies.get(route)
        if latency is None:
            latency = self._latencies[route] = Latency()
        return latency.slow(seconds, now, self._row) and self.notice(Sign.SLOW, route, sent, now)

    def change(self, limit: float) -> None:
        """Another limit, after a reload."""
        self.limit = limit
        self._floor = min(FLOOR, limit)
        self._base = min(limit, max(self._floor, self._base))
        self._knee = min(limit, max(self._floor, self._knee))
