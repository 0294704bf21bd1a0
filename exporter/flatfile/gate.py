"""Growing pauses after failures: while the gate is closed, nothing is sent."""

import asyncio
from random import Random

from exporter.errors import RoundError

FIRST = 5.0
"""Seconds: the first pause, at most."""

LONGEST = 300.0
"""Seconds. A corrected credential or a recovered endpoint is noticed within this."""


class Gate:
    """Closed for a while after each failure, and longer after each one in a row."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._failures = 0
        self._closed_until = 0.0
        self._why: RoundError | None = None

    @property
    def closed(self) -> bool:
        return self._why is not None and asyncio.get_running_loop().time() < self._closed_until

    def check(self) -> None:
        """Raise again, while closed, what closed it."""
        if self._why is not None and self.closed:
            raise type(self._why)(*self._why.args)

    def close(self, why: RoundError) -> None:
        """For 5 s, doubling up to 5 minutes, of which a random part up to a half is left out.

        Jitter down to zero would be fairer to the server and is a busy loop on a bad day.
        """
        pause = min(LONGEST, FIRST * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._why = why
        self._closed_until = asyncio.get_running_loop().time() + pause * self._rng.uniform(0.5, 1.0)

    def open(self) -> None:
        self._failures = 0
        self._why = None
