"""The bytes of one connection, as they come and as they are asked for."""

import asyncio
from collections import deque
from typing import cast

_ENOUGH = 256 * 1024
"""Bytes that may wait to be read. While there are more, the peer is not listened to."""

_FAREWELL = 1.0  # seconds; it takes one turn of the loop


class Stream(asyncio.Protocol):
    """For one reader at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._over = self._paused = False
        self._why: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()

    @property
    def quiet(self) -> bool:
        """Whether it is open, and nothing has come that was not read."""
        return not self._over and not self._pieces

    def write(self, data: bytes) -> None:
        """Does not wait: what we send is small."""
        if self._transport is not None:
            self._transport.write(data)

    async def read(self) -> bytes:
        """What has come; nothing at the end. Raises OSError if it ended in a failure."""
        while not self._pieces and not self._over:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if not self._pieces:
            if self._why is not None:
                raise self._why
            return b""
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if self._paused and self._held <= _ENOUGH and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return piece

    def abort(self) -> None:
        """Close without a farewell: whatever was still to come is of no use."""
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Return when nothing of it is left, or soon after. Call ``abort`` first."""
        await asyncio.wait({self._gone}, timeout=_FAREWELL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._held += len(data)
        if self._held > _ENOUGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over, self._why = True, exc
        self._wake()
        if not self._gone.done():
            self._gone.set_result(None)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
