"""One way through all pages of a feed, and what it shows of their order.

No order of events is documented, nor whether they keep it while somebody turns the pages (API
notes, section 9.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

_CLEAR = 8  # steps in one direction and none in the other: no accident (1 in 362,880)


@dataclass(slots=True)
class Walk:
    """Whether the order stood still on the way, and which one it is.

    New things at the front push others on to the next page, whose beginning then repeats the end
    of the page before; nothing is missed. Any other repetition means that things changed places,
    and then others may have been skipped: ``disorder``.
    """

    disorder: bool = False
    repeated: bool = False
    """Whether anything was shown again on another page. If not, and nothing was ``doubled`` or went
    away meanwhile, then nothing was skipped: what moves to a page that was turned pushes another
    thing on."""
    doubled: bool = False
    """Whether a page showed anything twice."""
    newest_first: bool = True
    pages: int = 0
    first: Sequence[str] = ()
    """The keys of the first page."""
    _seen: set[str] = field(default_factory=set)
    _before: list[str] = field(default_factory=list)
    _oldest: float = float("inf")
    _last: float | None = None
    _rises: int = 0
    _falls: int = 0

    def turn(self, page: Sequence[tuple[str, float]]) -> None:
        """The next page: the key and the time (Unix seconds) of each thing on it."""
        keys = [key for key, _ in page]
        self.doubled = self.doubled or len(set(keys)) < len(keys)
        repeated = [key for key in keys if key in self._seen]
        if repeated:
            self.repeated = True
            again = len(repeated)
            self.disorder |= keys[:again] != repeated or repeated != self._before[-again:]
        for key, at in page:
            if key not in self._seen:
                self._seen.add(key)
                self._place(at)
        self.first = self.first or keys
        self._before = keys
        self.pages += 1

    def past(self, since: float) -> bool:
        """Whether nothing more can come: all so far was newest first, and is older by now.

        A server that ignores ``since`` would otherwise have its whole history read each time.
        """
        return self.newest_first and self._oldest < since

    @property
    def oldest_first(self) -> bool:
        """Whether that is beyond doubt."""
        return not self._falls and self._rises >= _CLEAR

    @property
    def reached(self) -> float | None:
        """Down to which time everything was shown, where that is the newest first for sure."""
        return self._oldest if self.newest_first and self._falls >= _CLEAR else None

    def _place(self, at: float) -> None:
        self.newest_first = self.newest_first and at <= self._oldest
        if self._last is not None:
            self._rises += at > self._last
            self._falls += at < self._last
        self._last = at
        self._oldest = min(self._oldest, at)
