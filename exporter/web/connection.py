"""One client: HTTP/1.1 on h11, with an end to all waiting.

What goes out is bounded: an answer waits while more than 64 KiB lie in the transport's buffer, so
that somebody who does not read holds one or two pieces of a page. And there are deadlines, for a
client that never finishes its request, never reads its answer or never asks again.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import h11

from exporter.web.asgi import Application
from exporter.web.exchange import Exchange, scope_of
from exporter.web.limits import Limits

_NOT_WHOLE = (h11.IDLE, h11.SEND_BODY)
_BROKEN = b"Invalid HTTP request received."


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


class Connection(asyncio.Protocol):
    """Made for each client that is accepted. ``tasks`` holds what is being answered."""

    transport: asyncio.Transport

    def __init__(self, app: Application, tasks: set[asyncio.Task[None]], host: Host) -> None:
        self._app = app
        self._tasks = tasks
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=host.limits.head)
        self._exchange: Exchange | None = None
        self._broken = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._asking: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._keeping: asyncio.TimerHandle | None = None

    @property
    def silent(self) -> bool:
        """Nothing was ever asked on it."""
        return self._exchange is None

    @property
    def idle(self) -> bool:
        """Nothing is being answered on it."""
        return self._exchange is None or self._exchange.complete

    def finish(self) -> None:
        """Close now if idle, else after the answer that is on its way."""
        if self._broken:
            self.abort()
        elif self._exchange is None or self._exchange.complete:
            self.transport.close()
        else:
            self._exchange.last = True

    def abort(self) -> None:
        """Close now, whatever is on its way."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # a stream's
        self.transport = transport
        self._asking = self._after(self._host.limits.request_within)
        self._host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # the signature is asyncio's
        for timer in (self._asking, self._reading, self._keeping):
            if timer is not None:
                timer.cancel()
        if self._exchange is not None:
            self._exchange.abandon()
        self._writable.set()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        # Refused by its certificate, with a request behind it; or it said itself that there is none.
        if self.transport.is_closing() or self._http.their_state is h11.MUST_CLOSE:
            return
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        self._http.receive_data(data)
        self._proceed()
        if self._http.their_state in _NOT_WHOLE:
            self._asking = self._asking or self._after(self._host.limits.request_within)
        elif self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def pause_writing(self) -> None:
        self._writable.clear()
        self._reading = self._reading or self._after(self._host.limits.read_within)

    def resume_writing(self) -> None:
        self._writable.set()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _proceed(self) -> None:
        """As far as what came allows."""
        try:
            while isinstance(event := self._http.next_event(), h11.Event):
                if isinstance(event, h11.Request):
                    self._answer(event)
                elif isinstance(event, h11.EndOfMessage):
                    if self._http.their_state is h11.MUST_CLOSE:
                        return
                    self._go_on()
        except h11.RemoteProtocolError:
            self._refuse()
            return
        if event is h11.PAUSED:  # it asks the next thing already
            self.transport.pause_reading()

    def _answer(self, request: h11.Request) -> None:
        scope = scope_of(request, self.transport)
        exchange = Exchange(scope, self._http, self.transport, self._writable, self._answered)
        self._exchange = exchange
        task = self._loop.create_task(exchange.run(self._app), name="answer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _answered(self) -> None:
        if self.transport.is_closing():
            return
        last = self._exchange is not None and self._exchange.last
        if last or self._http.our_state is h11.MUST_CLOSE:
            self.transport.close()
            return
        self._keeping = self._after(self._host.limits.keep_alive, self.transport.close)
        self.transport.resume_reading()
        if self._go_on():
            self._proceed()

    def _go_on(self) -> bool:
        """To the next request, if this one and its answer have ended."""
        ended = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if ended:
            self._http.start_next_cycle()
        return ended

    def _refuse(self) -> None:
        """Of a broken request; of one whose body breaks, its own answer may be under way."""
        self._broken = True
        if self._exchange is not None:
            self._exchange.abandon()
        headers = [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", str(len(_BROKEN))),
            ("connection", "close"),
        ]
        said = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        try:
            for event in (said, h11.Data(data=_BROKEN), h11.EndOfMessage()):
                self.transport.write(self._http.send(event) or b"")
        except h11.LocalProtocolError:
            pass  # its answer has begun, or was sent
        self.transport.close()

    def _after(self, seconds: float, what: Callable[[], None] | None = None) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, what or self.abort)
