"""In which way to ask: as widely as it works, and more narrowly where it does not.

There is no upper bound on time in the API, so that the only ways to make a question smaller are
smaller pages, one environment, and one topic (API notes, section 9.1).
"""

from dataclasses import dataclass

from exporter.errors import Again, Malformed, RoundError, TooLarge

PATIENCE = 10
"""Rounds in a row in which the smallest question fails, before it is given up as a gap."""

_SMALLER, _SMALLEST = 4, 10  # by how much pages shrink, and how far
_LONGEST = 32  # rounds between two attempts at a wider question
_SINGLE = 1  # event on a page: for one that is itself as large as an answer may be


@dataclass(frozen=True, slots=True)
class Rung:
    """``split`` is by environment for the account, and by topic for an environment."""

    size: int
    split: bool = False


def _sizes(largest: int) -> tuple[int, ...]:
    sizes = [largest]
    while sizes[-1] > _SMALLEST:
        sizes.append(max(_SMALLEST, sizes[-1] // _SMALLER))
    return tuple(sizes)


class Plan:
    """The rung on which questions of one scope stand.

    Where a wider question fails again right after it was tried again, it is tried more and more
    rarely: each attempt is a round that waits for a time-out.
    """

    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        self._rungs = rungs
        self._whole = tuple(rung for rung in rungs if not rung.split)
        self._at = 0
        self._futile = 0
        self._calm = 0  # whole answers in a row on this rung
        self._pause = 1  # of which so many are needed before a wider question
        self._tried = False  # whether this rung was just risen to

    @property
    def rung(self) -> Rung:
        return self._rungs[self._at]

    @property
    def narrowed(self) -> bool:
        return self._at > 0

    @property
    def given_up(self) -> bool:
        """Whether there was no smaller question to try for long enough."""
        return self._futile >= PATIENCE

    def narrow(self, error: RoundError) -> None:
        """After a failure. Not every one is helped by a smaller question."""
        if not helps(error):
            return
        if self._tried:
            self._pause = min(_LONGEST, self._pause * 2)
        at = min(self._at + 1, len(self._rungs) - 1)
        if self._rungs[at].size == _SINGLE and not isinstance(error, TooLarge):
            at = self._at
        self._futile = self._futile + 1 if at == self._at else 0
        self._stand(at, tried=False)

    def widen(self) -> None:
        """After a whole answer in this way: by one step, but not from split questions to whole ones.

        Those need :meth:`rejoin`: that the parts can be had says nothing of the whole.
        """
        above = max(0, self._at - 1)
        if self._rungs[above].split == self.rung.split and self._ripe():
            self._stand(above, tried=above < self._at)

    def rejoin(self) -> None:
        """After whole answers to all parts: to the question that is not split, as large as now."""
        if self._ripe():
            small = (i for i, rung in enumerate(self._whole) if rung.size <= self.rung.size)
            self._stand(next(small, len(self._whole) - 1), tried=True)

    def _ripe(self) -> bool:
        self._futile = 0
        self._calm += 1
        if self._tried:
            self._tried, self._pause = False, 1
        return self._calm >= self._pause

    def _stand(self, at: int, *, tried: bool) -> None:
        self._at, self._calm, self._tried = at, 0, tried


def of_account(largest: int) -> Plan:
    """Smaller pages, then environment by environment."""
    return Plan((*(Rung(size) for size in _sizes(largest)), Rung(largest, split=True)))


def of_environment(largest: int) -> Plan:
    """Smaller pages, then topic by topic, and then again smaller pages."""
    sizes = _sizes(largest)
    return Plan(
        (
            *(Rung(size) for size in sizes),
            *(Rung(size, split=True) for size in sizes),
            Rung(_SINGLE, split=True),
        )
    )


def helps(error: RoundError) -> bool:
    """Whether a smaller question may be answered where this one failed.

    Of answers that make no sense one event on the page may be the cause.
    """
    return isinstance(error, Again | TooLarge | Malformed)
