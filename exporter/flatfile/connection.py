"""One connection with the API: HTTP/1.1 by h11, right on the event loop.

httpx's own transport serves every protocol and every event loop out of a pool, and its locks give
way to whoever else is ready. That is most of the processor time of a request (``make bench``,
round), and answers that come together are all read a bit at a time, so that each of them is
through when the last one is. Here each place in flight has its connection, and an answer that has
come is read in one go.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator

import h11
import httpx

from exporter.flatfile.clients import IDLE
from exporter.flatfile.question import Headers, Question
from exporter.flatfile.reaching import reached
from exporter.flatfile.stream import Stream

_HEAD = 100 * 1024  # bytes of an answer's head, at most
_PORTS = {"http": 80, "https": 443}


class Connection:
    """Opened by the first request, and again where it was closed. One request at a time.

    Has no time-outs of its own: whoever asks limits the whole.
    """

    def __init__(self, trust: ssl.SSLContext | None) -> None:
        """Without somebody to ``trust`` nothing with TLS can be asked."""
        self._trust = trust
        self._h11 = h11.Connection(h11.CLIENT)  # a new one for each stream
        self._stream: Stream | None = None
        self._origin: tuple[str, bytes] | None = None
        self._until = 0.0  # loop time
        self._closed = False
        self._headers: Headers | None = None  # those of the last question, and as h11 has them:
        self._before: h11.Request | None = None  # mostly they are the same, and need no check

    async def ask(self, question: Question) -> httpx.Response:
        """The head of the answer; its stream is the rest. Raises OSError or httpx.ProtocolError."""
        try:
            stream = await self._opened(question.base)
            stream.write(self._said(question))
            head = await self._head(stream)
        except h11.ProtocolError as error:
            self._drop()
            raise _broken(error) from None
        except BaseException:
            self._drop()
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(self, stream),
        )

    async def aclose(self) -> None:
        """Whoever still waits for an answer gets httpx.RemoteProtocolError."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            self._drop()
            await stream.gone()

    async def body(self, stream: Stream) -> AsyncIterator[bytes]:
        """What follows the head, as it comes."""
        try:
            while True:
                event = await self._event(stream)
                if type(event) is h11.Data:
                    yield bytes(event.data)
                elif type(event) is h11.EndOfMessage:
                    return
                else:
                    raise httpx.RemoteProtocolError("the answer was cut off")
        except h11.ProtocolError as error:
            raise _broken(error) from None

    def answered(self, stream: Stream) -> None:
        """Nobody reads on: keep the connection if the answer was whole, and nothing came after."""
        if stream is not self._stream:
            return
        done = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        if not done or self._closed or self._h11.trailing_data[0] or not stream.quiet:
            self._drop()
            return
        self._h11.start_next_cycle()
        self._until = asyncio.get_running_loop().time() + IDLE

    async def _opened(self, url: httpx.URL) -> Stream:
        loop = asyncio.get_running_loop()
        origin = (url.scheme, url.netloc)
        stream = self._stream
        if stream is not None:
            # What comes unasked is the end of it, or no answer of ours.
            if stream.quiet and origin == self._origin and loop.time() < self._until:
                return stream
            self._drop()
        host = url.raw_host.decode("ascii")
        trust = self._trust if url.scheme == "https" else None
        if trust is None and url.scheme != "http":  # never in the clear what was to be encrypted
            raise httpx.UnsupportedProtocol(f"nobody is trusted to speak {url.scheme}")
        stream = await reached(host, url.port or _PORTS[url.scheme], trust)
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        self._stream, self._origin = stream, origin
        if self._closed:
            raise httpx.ConnectError("closed meanwhile")
        return stream

    def _said(self, question: Question) -> bytes:
        before = self._before if question.headers is self._headers else None
        begun = h11.Request(
            method=question.method,
            target=question.target,
            headers=before.headers if before else list(question.headers),
        )
        self._headers, self._before = question.headers, begun
        said = self._h11.send(begun) or b""
        if question.content:
            said += self._h11.send(h11.Data(data=question.content)) or b""
        return said + (self._h11.send(h11.EndOfMessage()) or b"")

    async def _head(self, stream: Stream) -> h11.Response:
        while True:
            event = await self._event(stream)
            if type(event) is h11.Response:
                return event
            if type(event) is not h11.InformationalResponse:
                raise httpx.RemoteProtocolError("there was no answer")

    async def _event(self, stream: Stream) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            self._h11.receive_data(await stream.read())
        return event

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()


class _Body(httpx.AsyncByteStream):
    def __init__(self, connection: Connection, stream: Stream) -> None:
        self._connection = connection
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._connection.body(self._stream)

    async def aclose(self) -> None:
        self._connection.answered(self._stream)


def _broken(error: h11.ProtocolError) -> httpx.ProtocolError:
    """Without its words: they may quote a header."""
    if isinstance(error, h11.LocalProtocolError):
        return httpx.LocalProtocolError("no such request can be sent")
    return httpx.RemoteProtocolError("this is no HTTP, or not all of it")
