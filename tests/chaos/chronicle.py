"""The history of what was so: for each series, which value it ought to have had, and when."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.facts import Facts, Key


@dataclass
class _Track:
    """Values in order of time; None where the series did not exist."""

    since: list[float] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def add(self, now: float, value: float | None) -> None:
        if not self.values or self.values[-1] != value:
            self.since.append(now)
            self.values.append(value)

    def during(self, begin: float, end: float) -> list[float | None]:
        """Every value between the two, both included; None for what was before the first."""
        first, last = bisect_right(self.since, begin) - 1, bisect_right(self.since, end)
        return ([None] if first < 0 else []) + self.values[max(first, 0) : last]


class Chronicle:
    """Times are the loop's, in seconds.

    What the exporter may have seen is all there is, because the account changes only when it is
    asked; so it is enough to look at it after each answer.
    """

    def __init__(self) -> None:
        self._tracks: dict[Key, _Track] = {}
        self._now: Facts = {}

    def record(self, now: float, facts: Facts) -> None:
        for gone in self._now.keys() - facts.keys():
            self._tracks[gone].add(now, None)
        for key, value in facts.items():
            if self._now.get(key) != value:
                self._tracks.setdefault(key, _Track()).add(now, value)
        self._now = facts

    def during(self, key: Key, begin: float, end: float) -> list[float | None]:
        """Every value that a series ought to have had between the two."""
        track = self._tracks.get(key)
        return [None] if track is None else track.during(begin, end)

    def now(self) -> Facts:
        return self._now

    def like(self, name: str, label: tuple[str, str]) -> Iterator[Key]:
        """All series of that name, with that label, there ever were."""
        return (key for key in self._tracks if key[0] == name and label in key[1])

    def forget(self) -> None:
        """All but the present, where somebody wants to know what memory the rest takes."""
        facts, self._now = self._now, {}
        self._tracks.clear()
        self.record(float("-inf"), facts)
