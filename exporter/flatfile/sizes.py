"""What was learned about the paging of a route, and which page size to try next."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from exporter.errors import BadRequest, TooLarge

LEFT_OUT = 0
"""Stands for a page size that is not sent: the server's default, which is 10 or 20."""

_REFUSED = (50, 20, 10, LEFT_OUT)
_TOO_LARGE = (50, 20, 10, 5, 1)
_FUTILE = 600.0  # seconds for which a refusal that was not about the size is taken as that


def smaller(size: int, why: BadRequest | TooLarge) -> int | None:
    """The next page size to try, or None if there is none.

    No maximum is documented, nor what happens above it (API notes, section 4.1).
    """
    if isinstance(why, TooLarge):
        return next((step for step in _TOO_LARGE if step < (size or _TOO_LARGE[1])), None)
    return next((step for step in _REFUSED if step < size), None)


@dataclass(slots=True)
class Lessons:
    """Of one route. ``base`` is the number of the first page, where it is known."""

    size: int
    base: int | None = None
    _futile: dict[frozenset[str], float] = field(default_factory=dict)

    def futile(self, names: Iterable[str]) -> None:
        """No size at all was accepted for a question with these parameters."""
        self._futile[frozenset(names)] = asyncio.get_running_loop().time() + _FUTILE

    def is_futile(self, names: Iterable[str]) -> bool:
        """Whether a refusal is hardly about the size: it spares four more of them each time."""
        return self._futile.get(frozenset(names), 0.0) > asyncio.get_running_loop().time()
