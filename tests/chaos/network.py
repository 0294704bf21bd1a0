"""What lies between the exporter and the emulated account: a network that can be broken.

httpx's own transport for an ASGI application waits for a whole answer before it hands out the
first byte. Here an answer comes piece by piece and no faster than it is read, so that a body
without an end, a drip and a connection that is cut are what they are on a socket.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, NoReturn, get_args

import httpx

from exporter.emulator.asgi import Message

Broken = Literal["dns", "tls", "refused", "reset", "unroutable", "proxy"]
BROKEN: tuple[Broken, ...] = get_args(Broken)
_AHEAD = 4  # messages that an answer may be ahead of its reader


class Network(httpx.AsyncBaseTransport):
    """``broken`` is what every new request meets; ``answered`` is called after each answer.

    ``open`` counts the exchanges under way.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.answered: Callable[[], None] = lambda: None
        self.broken: Broken | None = None
        self.open = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.broken is not None:
            await _fail(self.broken)
        exchange = _Exchange(self._app, request, self._closed)
        self.open += 1
        try:
            status, headers = await exchange.start()
        except BaseException:
            await exchange.aclose()
            raise
        self.answered()
        return httpx.Response(status, headers=headers, stream=exchange)

    def _closed(self) -> None:
        self.open -= 1


async def _fail(how: Broken) -> NoReturn:
    """As a connection of ours does, and behind a proxy httpx."""
    if how == "unroutable":
        await asyncio.Event().wait()  # nobody says no: whoever asks gives up some time
    if how == "proxy":
        raise httpx.ProxyError("503 Service Unavailable")
    kind, code, text = _CAUSES[how]
    raise kind(code, text)


_CAUSES: dict[str, tuple[type[OSError], int, str]] = {
    "dns": (socket.gaierror, socket.EAI_NONAME, "Name or service not known"),
    "tls": (ssl.SSLCertVerificationError, 1, "certificate verify failed"),
    "refused": (ConnectionRefusedError, errno.ECONNREFUSED, "Connection refused"),
    "reset": (ConnectionResetError, errno.ECONNRESET, "Connection reset by peer"),
}


class _Exchange(httpx.AsyncByteStream):
    """One request, and the body of its answer."""

    def __init__(self, app: Any, request: httpx.Request, closed: Callable[[], None]) -> None:
        self._app = app
        self._request = request
        self._closed: Callable[[], None] | None = closed
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(_AHEAD)
        self._gone = asyncio.Event()
        self._asked = False
        self._answering = asyncio.create_task(self._answer(), name="emulator")

    async def start(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        message = await self._messages.get()
        if message is None:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return message["status"], list(message["headers"])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._messages.get()
            if message is None:
                raise httpx.RemoteProtocolError("peer closed connection without complete message")
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        if closed is None:
            return
        closed()
        self._gone.set()
        self._answering.cancel()
        await asyncio.wait({self._answering})

    async def _answer(self) -> None:
        url = self._request.url
        scope = {
            "type": "http",
            "method": self._request.method,
            "path": url.path,
            "query_string": url.query,
            "headers": [(k.lower(), v) for k, v in self._request.headers.raw],
        }
        await self._app(scope, self._receive, self._messages.put)
        await self._messages.put(None)  # whoever got a whole body does not read so far

    async def _receive(self) -> Message:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": self._request.content, "more_body": False}
