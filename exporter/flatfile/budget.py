"""How much may be asked of the API at once, how often, and not before when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.errors import Throttled
from exporter.flatfile.usage import Usage

PATIENCE = 60.0
"""Seconds. A longer pause makes a request fail as Throttled at once: a round that says so is
worth more than one that hangs for an hour and looks healthy."""


class Budget:
    """One queue for every request of every route, first come, first served.

    A request needs one of ``concurrency`` places and one token of a bucket which fills at
    ``requests_per_second`` and holds ``concurrency`` tokens.
    """

    def __init__(self, requests_per_second: float, concurrency: int, usage: Usage) -> None:
        self._per_second = requests_per_second
        self._burst = float(max(1, concurrency))
        self._places = asyncio.Semaphore(max(1, concurrency))
        self._turnstile = asyncio.Lock()
        self._usage = usage
        self._tokens = self._burst
        self._filled_at: float | None = None
        self._paused_until = 0.0

    @property
    def rate(self) -> float:
        """Requests per second that are allowed right now; 0 during a pause."""
        return 0.0 if self.held_back else self._per_second

    @property
    def held_back(self) -> float:
        """Seconds until the pause ends; 0 if there is none."""
        if not self._paused_until:
            return 0.0
        return max(0.0, self._paused_until - asyncio.get_running_loop().time())

    def pause(self, seconds: float) -> None:
        """Hold back every request that has not begun. A shorter pause never ends a longer one."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for permission to send one request. Raises Throttled if the wait is too long."""
        loop = asyncio.get_running_loop()
        came = loop.time()
        try:
            # Only the head of the queue looks at the bucket, hence the order; and a cancelled
            # head takes nothing with it, because the token is taken without an await.
            async with self._turnstile:
                self._give_up_if_long()
                await self._places.acquire()
                try:
                    while wait := self._wait():
                        self._give_up_if_long()
                        await asyncio.sleep(wait)
                    self._tokens -= 1.0
                except BaseException:
                    self._places.release()
                    raise
        finally:
            self._usage.waited(loop.time() - came)
        try:
            yield
        finally:
            self._places.release()

    def _wait(self) -> float:
        """Seconds until the head of the queue may go; 0 is now."""
        now = asyncio.get_running_loop().time()
        since = now if self._filled_at is None else self._filled_at
        self._tokens = min(self._burst, self._tokens + (now - since) * self._per_second)
        self._filled_at = now
        if held := self.held_back:
            return held
        # The smallest step keeps a rounding error of the clock from waiting for nothing at all.
        return 0.0 if self._tokens >= 1.0 else max(1e-3, (1.0 - self._tokens) / self._per_second)

    def _give_up_if_long(self) -> None:
        if (held := self.held_back) > PATIENCE:
            raise Throttled(
                f"Flatfile asked for a pause, which has {held:.0f} s to go; nothing is asked until"
                " then. If this happens often, lower api.requests-per-second"
            )
