"""Answers go before work that can wait.

A thread that takes in thousands of events shares the interpreter's lock with the event loop, and on
a small machine the processor with whoever scrapes. Each time the loop lets go of the lock, to send
a piece of a page, it would wait for the thread to give it back. So the thread looks up between two
small pieces of its work, and rests while somebody is being answered.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LONGEST = 0.05
"""Seconds for which an answer goes before everything else: who reads slowly is not waited for."""

_PATIENCE = 0.005
"""Seconds of one rest, after a piece of work that takes a fraction of it: work that can wait is
slowed down by those who scrape, however many, and never stopped."""

GiveWay = Callable[[], None]


class Precedence:
    """``answering`` is for the loop's thread, ``give_way`` for all others."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        longest: float = _LONGEST,
        patience: float = _PATIENCE,
    ) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._longest = longest
        self._patience = patience
        self._answers = 0
        self._until = 0.0
        self._idle = threading.Event()
        self._idle.set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Somebody waits for an answer in here."""
        self._more(1)
        try:
            yield
        finally:
            self._more(-1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The answer itself waits for a thread in here, which is not to give way to it."""
        given_up = min(1, self._answers)
        self._more(-given_up)
        try:
            yield
        finally:
            self._more(given_up)

    def _more(self, answers: int) -> None:
        self._answers += answers
        if answers > 0:
            self._until = self._clock() + self._longest
            self._idle.clear()
        elif not self._answers:
            self._idle.set()

    @property
    def left(self) -> float:
        """Seconds for which an answer that is on its way still goes first; 0 if there is none."""
        return max(0.0, self._until - self._clock()) if self._answers else 0.0

    def give_way(self) -> None:
        """Rest while an answer is on its way, for a few milliseconds at most."""
        # Asked for between two events of thousands: most often there is nobody.
        if self._answers and (left := self.left):
            self._idle.wait(min(left, self._patience))


def never() -> None:
    """The :data:`GiveWay` of who has nobody to give way to, such as a command."""
