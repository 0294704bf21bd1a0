"""Whether something grows for ever, told from noisy figures."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LEAST = 6  # figures; of fewer nothing can be said


@dataclass(frozen=True, slots=True)
class Slope:
    """The median of the last third of the figures against that of the middle third.

    The first third is for everything to warm up. ``tolerance`` is in the figures' own unit.
    """

    name: str
    middle: float
    last: float
    tolerance: float

    @property
    def rises(self) -> bool:
        return self.last - self.middle > self.tolerance

    def __str__(self) -> str:
        verdict = "RISES" if self.rises else "flat"
        change = self.last - self.middle
        return (
            f"{self.name}: {self.middle:,.0f}, then {self.last:,.0f}"
            f" ({change:+,.0f}, tolerance {self.tolerance:,.0f}): {verdict}"
        )


def slope(name: str, figures: Sequence[float], tolerance: float) -> Slope:
    """Of figures taken at even intervals."""
    if len(figures) < LEAST:
        raise ValueError(f"{len(figures)} figures are too few; {LEAST} at least")
    third = len(figures) // 3
    middle = statistics.median(figures[third : 2 * third])
    return Slope(name, middle, statistics.median(figures[-third:]), tolerance)


def slopes(
    taken: Sequence[Mapping[str, float]], tolerances: Mapping[str, float]
) -> Iterator[Slope]:
    """One for each figure that has a tolerance."""
    for name, tolerance in tolerances.items():
        yield slope(name, [figures[name] for figures in taken], tolerance)
