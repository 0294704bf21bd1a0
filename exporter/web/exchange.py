"""One request of a client, and the answer of the application: ASGI on one side, h11 on the other.

Nothing here is asked with a body that means anything, so that the application is told of none.
"""

import asyncio
import logging
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote

import h11

from exporter.web.asgi import Application, Message, Scope

_FAILED = b"Internal Server Error"

log = logging.getLogger(__name__)


class Exchange:
    """``run`` it as a task. ``writable`` is set while the client's buffer has room."""

    def __init__(
        self,
        scope: Scope,
        http: h11.Connection,
        transport: asyncio.Transport,
        writable: asyncio.Event,
        answered: Callable[[], None],
    ) -> None:
        self._scope = scope
        self._http = http
        self._transport = transport
        self._writable = writable
        self._answered = answered
        self._begun = False
        self._abandoned = False
        self._told = False
        self._over = asyncio.Event()
        self.complete = False
        """The answer was handed to the transport to its end."""
        self.last = False
        """The connection is closed after it."""

    @property
    def _gone(self) -> bool:
        """Also where a write has failed, and the loop has not come to say so."""
        return self._abandoned or self._transport.is_closing()

    def abandon(self) -> None:
        """Nobody is there any more for whom to answer."""
        self._abandoned = True
        self._over.set()

    async def run(self, app: Application) -> None:
        """What the application raises is logged: to the client it is an answer, or a cut one."""
        try:
            await app(self._scope, self._receive, self._send)
            if not self.complete and not self._gone:
                raise RuntimeError("the application has not answered to the end")  # noqa: TRY301 - as if it had raised itself
        except Exception:
            log.exception("An answer failed.")
            await self._fail()
        except BaseException:  # cancelled: there is no time left to say anything
            self._transport.close()
            raise

    async def _fail(self) -> None:
        if self._begun:
            self._transport.close()
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        try:
            await self._send({"type": "http.response.start", "status": 500, "headers": headers})
            await self._send({"type": "http.response.body", "body": _FAILED})
        except h11.LocalProtocolError:  # what failed was an answer that HTTP cannot carry
            self._transport.close()

    async def _receive(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """Returns when there is room for more."""
        if not self._gone:
            await self._writable.wait()
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self._begin(message)
            return
        body = b"" if self._scope["method"] == "HEAD" else message.get("body", b"")
        self._write(h11.Data(data=body))
        if not message.get("more_body", False):
            self._write(h11.EndOfMessage())
            self.complete = True
            self._over.set()
            self._answered()

    def _begin(self, message: Message) -> None:
        status = message["status"]
        date = (b"date", formatdate(usegmt=True).encode())
        self._write(
            h11.Response(
                status_code=status,
                headers=[date, *message.get("headers", ())],
                reason=HTTPStatus(status).phrase.encode(),
            )
        )
        self._begun = True

    def _write(self, event: h11.Event) -> None:
        self._transport.write(self._http.send(event) or b"")


def scope_of(request: h11.Request, transport: asyncio.Transport) -> Scope:
    """What ASGI tells an application of a request."""
    path, _, query = request.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.http_version.decode("ascii"),
        "method": request.method.decode("ascii"),
        "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(request.headers),
        "client": _name(transport.get_extra_info("peername")),
        "server": _name(transport.get_extra_info("sockname")),
    }


def _name(found: object) -> tuple[str, int] | None:
    """Host and port; a Unix socket has none."""
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
