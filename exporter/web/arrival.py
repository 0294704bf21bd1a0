"""A client between its connection and its first request: TLS, for which nobody waits long.

asyncio would do this by itself (``create_server(ssl=…)``), but with one context for ever, with
256 KiB for each client that has said hello, and without telling anybody of those who have not:
they could not be counted. So its protocol is made here, for each client and of today's context.
"""

import asyncio
import math
import re
import ssl
import time
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable

import structlog

from exporter.web.connection import Connection, Host, Lobby
from exporter.web.guard.guard import Guard
from exporter.web.guard.protection import Protection
from exporter.web.limits import Limits

_HANDSHAKE = 0x16  # the first byte of TLS: the type of a record that shakes hands (RFC 8446, 5.1)
_REQUEST = re.compile(rb"[A-Z]{3,8} ")
_BUFFERED = 64 * 1024  # bytes that may lie in TLS, like in the transport below; its own are 512 KiB

_HTTPS_ONLY = b"This port speaks HTTPS; ask with https:// in front.\n"
_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_HTTPS_ONLY), _HTTPS_ONLY)
)

log = structlog.get_logger()


class _Tls(SSLProtocol):
    max_size = 32 * 1024
    """Of the buffer that each client has from the first byte on; a record is 16 KiB at most."""

    def __init__(self, arrival: "Arrival", connection: Connection, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        done.add_done_callback(arrival.shaken)
        super().__init__(
            loop,
            connection,
            context,
            done,
            server_side=True,
            # The rest of an answer is sent within this time, too, so that it must not be short.
            ssl_shutdown_timeout=math.ceil(arrival.limits.read_within),
        )
        self._arrival = arrival

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._arrival.connection_lost(exc)

    # Both are hooks that asyncio does not promise. Without them it works, only less kindly.

    def _fatal_error(self, exc: BaseException, message: str = "TLS failed") -> None:
        # asyncio would close without the alert by which a client learns what is wrong with it.
        outgoing: ssl.MemoryBIO | None = getattr(self, "_outgoing", None)
        if outgoing is not None:
            self._arrival.tell(outgoing.read())
        super()._fatal_error(exc, message)

    def _start_shutdown(self) -> None:
        super()._start_shutdown()
        # asyncio would wait for the client's goodbye. Those that keep a connection for later do
        # not look at it meanwhile; RFC 8446 (6.1) lets us leave once ours is on its way.
        self._arrival.leave()

    def receive(self, data: bytes) -> None:
        """Hand over what has been received before this was here."""
        rest = memoryview(data)
        while rest:
            buffer = self.get_buffer(-1)
            size = min(len(buffer), len(rest))
            buffer[:size], rest = rest[:size], rest[size:]
            self.buffer_updated(size)


class Arrival(asyncio.Protocol):
    """Made for each client that is accepted; the host of its connection until that is made."""

    silent = idle = True

    def __init__(self, host: Lobby, guard: Guard, make: Callable[[Host], Connection]) -> None:
        self._host = host
        self._guard = guard
        self._protection: Protection = guard.protection
        self._make = make
        self._task: asyncio.Task[None] | None = None

    @property
    def limits(self) -> Limits:
        return self._host.limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # a stream's
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.limits.request_within, self.abort)
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        self._transport.pause_reading()
        if data[0] == _HANDSHAKE:
            self._task = asyncio.create_task(self._shake(data), name="handshake")
            return
        if _REQUEST.match(data):
            self._transport.write(_REFUSAL)
        self._transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        del exc  # the signature is asyncio's
        self._deadline.cancel()
        self._host.closed(self)

    def finish(self) -> None:
        """There is nothing under way that somebody has asked for."""
        self.abort()

    def abort(self) -> None:
        self._transport.abort()

    def tell(self, alert: bytes) -> None:
        """Written at once if the client's buffer has room, and else not at all."""
        self._transport.write(alert)

    def leave(self) -> None:
        """Close when all that is still buffered, here or in TLS, has been sent."""
        self._transport.close()

    def opened(self, client: Connection) -> None:
        """TLS stands, and its connection takes this one's place."""
        self._deadline.cancel()
        self._host.closed(self)
        client.transport.set_write_buffer_limits(high=_BUFFERED)
        self._host.opened(client)
        certificate = client.transport.get_extra_info("peercert") or {}
        if not self._protection.clients.admit(certificate, time.time()):
            log.debug("client_refused", reason="its certificate names nobody who is allowed")
            client.abort()

    def closed(self, client: Connection) -> None:
        self._host.closed(client)

    def shaken(self, done: "asyncio.Future[None]") -> None:
        """A failure is its sender's affair; but whoever debugs one sees it here."""
        error = None if done.cancelled() else done.exception()
        if error is not None:
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", "")
            log.debug("handshake_failed", reason=reason or type(error).__name__)

    async def _shake(self, data: bytes) -> None:
        try:
            self._protection = await self._guard.current()
        except BaseException:
            self.abort()
            raise
        context = self._protection.tls
        if context is None or self._transport.is_closing():
            self.abort()
            return
        tls = _Tls(self, self._make(self), context)
        self._transport.set_protocol(tls)
        tls.connection_made(self._transport)
        tls.receive(data)
        self._transport.resume_reading()
