"""What the exporter counts about its own use of the API (metric contract, "The API")."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.errors import Again
from exporter.families import Buckets
from exporter.flatfile.routes import AUTH, Lookup, Route

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds. From a quick answer to past the default time-out of 30 s."""


def _again(kind: type[Again]) -> Iterator[str]:
    for child in kind.__subclasses__():
        yield child.reason
        yield from _again(child)


RETRY_REASONS = tuple(sorted({*_again(Again), "unauthorized", "page_size"}))
"""Why a question was asked again: what may pass by itself, a new token, a smaller page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReading:
    """One moment of :class:`Usage`.

    ``requests`` counts by (route, method, code), where the code is the status as text, or
    ``error`` when none came. ``up`` is None until the first attempt has ended.
    """

    requests: dict[tuple[str, str, str], int]
    durations: dict[str, Buckets]
    retries: dict[str, int]
    throttled_seconds: float
    up: bool | None


class Usage:
    """Only ever grows; it outlives a reload of the configuration."""

    def __init__(self) -> None:
        self.up: bool | None = None
        """Whether the newest attempt to talk to the API was authenticated and answered."""
        self._requests: dict[tuple[str, str, str], int] = {}
        self._durations = {
            route: ([0] * (len(BOUNDS) + 1), [0.0])
            for route in (AUTH, *(one.template for one in (*Route, *Lookup)))
        }
        self._retries = dict.fromkeys(RETRY_REASONS, 0)
        self._throttled = 0.0
        self._begun = self._judged = 0

    def begin(self) -> int:
        """The number of an attempt, in the order in which they are sent."""
        self._begun += 1
        return self._begun

    def judge(self, number: int, *, up: bool) -> None:
        """What an attempt says of the API, unless a newer one has spoken already.

        A slow answer to an old question must not make a credential look well that was refused
        since.
        """
        if number >= self._judged:
            self._judged, self.up = number, up

    def attempted(self, route: str, method: str, code: str, seconds: float) -> None:
        key = (route, method, code)
        self._requests[key] = self._requests.get(key, 0) + 1
        counts, total = self._durations[route]
        counts[bisect_left(BOUNDS, seconds)] += 1
        total[0] += seconds

    def retried(self, reason: str) -> None:
        """A reason outside RETRY_REASONS is a bug and raises KeyError."""
        self._retries[reason] += 1

    def waited(self, seconds: float) -> None:
        """For the budget or for a ``Retry-After``; each waiting request counts."""
        self._throttled += seconds

    def reading(self) -> UsageReading:
        """Routes that were never asked have no histogram yet."""
        return UsageReading(
            requests=dict(self._requests),
            durations={
                route: Buckets(BOUNDS, tuple(counts), total[0])
                for route, (counts, total) in self._durations.items()
                if any(counts)
            },
            retries=dict(self._retries),
            throttled_seconds=self._throttled,
            up=self.up,
        )
