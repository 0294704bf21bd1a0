"""What was learned about the paging of a route, and which page size to try next."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from exporter.errors import BadRequest, TooLarge

LEFT_OUT = 0
"""Stands for a page size that is not sent: the server's default, which is 10 or 20."""

_REFUSED = (50, 20, 10, LEFT_OUT)
_TOO_LARGE = (50, 20, 10, 5, 1)
_RETRY, _RAREST = 3_600.0, 86_400.0  # seconds until a larger size is tried again
_FUTILE = 600.0  # seconds for which a refusal that was not about the size is taken as that


def smaller(size: int, why: BadRequest | TooLarge) -> int | None:
    """The next page size to try, or None if there is none.

    No maximum is documented, nor what happens above it (API notes, section 4.1).
    """
    if isinstance(why, TooLarge):
        return next((step for step in _TOO_LARGE if step < (size or _TOO_LARGE[1])), None)
    return next((step for step in _REFUSED if step < size), None)


def _worth(size: int) -> int:
    """A size to compare: the default is taken to be just below the least that is asked for."""
    return size or _REFUSED[-2] - 1


def larger(size: int, most: int) -> int:
    """The next page size above one that works, up to what is wanted at the ``most``."""
    steps = (step for step in (*_TOO_LARGE, most) if _worth(size) < step <= most)
    return min(steps, default=most)


@dataclass(slots=True)
class Lessons:
    """Of one route. ``base`` is the number of the first page, where it is known.

    ``size`` is that of pages that works. Where it is less than what is wanted, the next larger one
    is tried again after an hour, and more and more rarely if it is refused still: one refusal in
    passing must not make listings cost ten times as many questions for good.
    """

    size: int
    base: int | None = None
    _wanted: int = field(init=False)
    _again: float = 0.0  # loop time
    _pause: float = _RETRY
    _futile: dict[frozenset[str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = self.size

    def attempt(self) -> int:
        """With which size to ask. A larger one than ``size`` is given to one asker at a time."""
        now = asyncio.get_running_loop().time()
        if self.size == self._wanted or now < self._again:
            return self.size
        self._again = now + self._pause
        self._pause = min(_RAREST, 2 * self._pause)
        return larger(self.size, self._wanted)

    def works(self, size: int) -> None:
        """Pages of that size were had."""
        if size == self.size:
            return
        now = asyncio.get_running_loop().time()
        if _worth(size) > _worth(self.size):
            self._pause, self._again = _RETRY, now  # the next step at once
        else:
            self._again = now + self._pause
        self.size = size

    def futile(self, names: Iterable[str]) -> None:
        """No size at all was accepted for a question with these parameters."""
        self._futile[frozenset(names)] = asyncio.get_running_loop().time() + _FUTILE

    def is_futile(self, names: Iterable[str]) -> bool:
        """Whether a refusal is hardly about the size: it spares four more of them each time."""
        return self._futile.get(frozenset(names), 0.0) > asyncio.get_running_loop().time()
