"""Ratios on a noisy machine: contestants take turns, and each ratio is of one turn."""

import gc
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

HEADER = """\
This machine is noisy and shared. Only the ratios mean anything, and only within this run: the
contestants take turns (A B A B ...), each ratio is of one turn, and what is shown is the median
with the interquartile range (IQR) and the number of turns (n). What stands in [brackets] is the
medians that the ratio is of, to tell how large a thing is; never compare it between runs.
"""

Figures = Mapping[str, float]
Contestant = Callable[[], Awaitable[Figures]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to do; ``quick`` is enough to see that a benchmark works, and for nothing else."""

    quick: bool

    def turns(self, full: int) -> int:
        return 2 if self.quick else full

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


class Turns:
    """What was measured: for each name one figure of each turn, in the order of the turns."""

    def __init__(self) -> None:
        self.figures: defaultdict[str, list[float]] = defaultdict(list)

    def of(self, *names: str) -> list[float]:
        """The sums of these figures, turn by turn."""
        return [sum(turn) for turn in zip(*(self.figures[name] for name in names), strict=True)]

    def median(self, *names: str) -> float:
        return statistics.median(self.of(*names))

    def ratios(self, above: Sequence[str], below: Sequence[str]) -> list[float]:
        pairs = zip(self.of(*above), self.of(*below), strict=True)
        # A figure of nothing (no lag that the clock could see) must not end a run.
        return [one / max(other, 1e-9) for one, other in pairs]


async def alternate(turns: int, *contestants: Contestant) -> Turns:
    """Each contestant once a turn; none pays for the garbage of the one before it."""
    found = Turns()
    for _ in range(turns):
        for contestant in contestants:
            gc.collect()
            for name, figure in (await contestant()).items():
                found.figures[name].append(figure)
    return found


async def timed(work: Callable[[], Awaitable[object]], times: int = 1) -> float:
    """Seconds that ``work`` takes: the median of ``times`` in a row."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def once(name: str, work: Callable[[], object]) -> Contestant:
    """A contestant from something that neither waits nor gives way."""

    async def contestant() -> Figures:
        began = time.perf_counter()
        work()
        return {name: time.perf_counter() - began}

    return contestant


def line(name: str, ratios: Sequence[float], note: str = "") -> None:
    """Print ``name: ratio (IQR a..b, n=...)``."""
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    spread = f"(IQR {_short(low)}..{_short(high)}, n={len(ratios)})"
    print(f"{name}: {_short(middle)} {spread}{note and f' [{note}]'}", flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ms(seconds: float) -> str:
    return f"{_short(seconds * 1000)} ms"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
