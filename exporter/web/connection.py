"""One client: uvicorn's HTTP/1.1 on h11, with the deadlines that it does not have.

What goes out is bounded by uvicorn: `send` waits while more than 64 KiB lie in the transport's
buffer, so that somebody who does not read holds one or two pieces of a page. What it lacks is an
end to the waiting, for a client that never finishes its request or never reads its answer.
"""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.web.limits import Limits

_NOT_WHOLE = (h11.IDLE, h11.SEND_BODY)


class Client(Protocol):
    """Somebody who is connected, with or without TLS in between."""

    @property
    def silent(self) -> bool: ...
    @property
    def idle(self) -> bool: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Host(Protocol):
    """Who sets the limits, and is told of connections that come and go."""

    @property
    def limits(self) -> Limits: ...
    def opened(self, client: "Connection") -> None: ...
    def closed(self, client: "Connection") -> None: ...


class Lobby(Host, Protocol):
    """A host that is told of all clients."""

    def opened(self, client: Client) -> None: ...
    def closed(self, client: Client) -> None: ...


class Connection(H11Protocol):
    """Made for each client that is accepted."""

    def __init__(self, config: Config, state: ServerState, host: Host) -> None:
        super().__init__(
            config=config, server_state=state, app_state={}, _loop=asyncio.get_running_loop()
        )
        self._host = host
        self._asking: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    @property
    def silent(self) -> bool:
        """Nothing was ever asked on it."""
        return self.cycle is None

    @property
    def idle(self) -> bool:
        """Nothing is being answered on it."""
        return self.silent or self.cycle.response_complete

    def finish(self) -> None:
        """Close now if idle, else after the answer that is on its way."""
        try:
            self.shutdown()
        except h11.LocalProtocolError:  # it was closing because of a broken request already
            self.abort()

    def abort(self) -> None:
        """Close now, whatever is on its way."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._asking = self._after(self._host.limits.request_within)
        self._host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._asking, self._reading):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():  # refused by its certificate, with a request behind it
            return
        # The date of the answer, for which uvicorn's own server wakes up ten times a second.
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        super().data_received(data)
        if self.conn.their_state in _NOT_WHOLE:
            self._asking = self._asking or self._after(self._host.limits.request_within)
        elif self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def send_400_response(self, msg: str) -> None:
        """Of a broken request; of one whose body breaks, its own answer may be under way."""
        if not self.silent:
            # What would come after this is not sent; uvicorn would log a traceback for each.
            self.cycle.disconnected = True
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # its answer has begun, or was sent
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self._reading or self._after(self._host.limits.read_within)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _after(self, seconds: float) -> asyncio.TimerHandle:
        callback: Callable[[], None] = self.abort
        return self.loop.call_later(seconds, callback)
