"""One connection of HTTP/1.1: when it is used again, and when it must not be."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import Unreachable
from exporter.flatfile.clients import IDLE
from exporter.flatfile.connection import Connection
from exporter.flatfile.credential import PersonalToken
from exporter.flatfile.question import Question
from exporter.flatfile.reaching import reached
from tests.flatfile.conftest import Opening

Handler = Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """Counts who comes, and answers as the test wants."""

    def __init__(self, handler: Handler) -> None:
        self.visits = 0
        self.heads: list[bytes] = []
        self.asked = asyncio.Event()
        self.port = 0
        self._handler = handler
        self._writers: list[asyncio.StreamWriter] = []

    async def head(self, reader: asyncio.StreamReader) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        self.asked.set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        self._writers.append(writer)
        try:
            await self._handler(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has seen enough
        finally:
            writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()


def _answer(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


async def polite(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await peer.head(reader)
        writer.write(_answer(b"%d" % len(peer.heads)))


@asynccontextmanager
async def speaking(handler: Handler) -> AsyncIterator[tuple[Peer, Connection]]:
    peer = Peer(handler)
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    connection = Connection(httpx.create_ssl_context(verify=False))
    try:
        yield peer, connection
    finally:
        await connection.aclose()
        peer.hang_up()
        server.close()
        await server.wait_closed()


def question(port: int, target: bytes = b"/v1/x") -> Question:
    base = httpx.URL(f"http://127.0.0.1:{port}/v1")
    return Question(method="GET", base=base, target=target, headers=((b"Host", b"h"),))


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _asked(connection: Connection, peer: Peer) -> bytes:
    response = await connection.ask(question(peer.port))
    try:
        return b"".join([piece async for piece in response.aiter_raw()])
    finally:
        await response.aclose()


async def test_one_question_after_another_goes_over_one_connection() -> None:
    async with speaking(polite) as (peer, connection):
        assert [await _asked(connection, peer) for _ in range(3)] == [b"1", b"2", b"3"]
        assert peer.visits == 1


async def test_a_connection_that_idled_too_long_is_not_used_again() -> None:
    async with speaking(polite) as (peer, connection):
        await _asked(connection, peer)
        await asyncio.sleep(IDLE - 1.0)
        await _asked(connection, peer)
        assert peer.visits == 1
        await asyncio.sleep(IDLE + 1.0)
        assert await _asked(connection, peer) == b"3"
        assert peer.visits == 2


async def test_a_connection_that_the_server_closed_meanwhile_is_opened_again() -> None:
    async with speaking(polite) as (peer, connection):
        await _asked(connection, peer)
        peer.hang_up()
        await asyncio.sleep(1.0)
        assert await _asked(connection, peer) == b"2"
        assert peer.visits == 2


@pytest.mark.parametrize("later", [False, True], ids=["with the answer", "later"])
async def test_what_nobody_asked_for_is_never_taken_for_an_answer(later: bool) -> None:
    async def handler(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await peer.head(reader)
        own = _answer(b"%d" % len(peer.heads))
        if later:
            writer.write(own)
            await asyncio.sleep(0.5)
            own = b""
        writer.write(own + _answer(b"a lie"))
        await peer.head(reader)

    async with speaking(handler) as (peer, connection):
        for number in (b"1", b"2"):
            assert await _asked(connection, peer) == number
            await asyncio.sleep(1.0)
        assert peer.visits == 2


async def test_a_server_that_says_close_is_taken_at_its_word() -> None:
    async def handler(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await peer.head(reader)
        writer.write(_answer(b"once", b"Connection: close"))
        await peer.head(reader)  # stays open all the same

    async with speaking(handler) as (peer, connection):
        assert [await _asked(connection, peer) for _ in range(2)] == [b"once"] * 2
        assert peer.visits == 2


async def test_answers_of_no_length_and_in_chunks_are_read_whole() -> None:
    async def handler(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await peer.head(reader)
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"0\r\n\r\n")
        await peer.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")

    async with speaking(handler) as (peer, connection):
        assert await _asked(connection, peer) == b"abc"
        assert await _asked(connection, peer) == b"to the end"
        assert peer.visits == 1


async def test_an_answer_that_was_left_half_read_is_not_the_next_one() -> None:
    async def handler(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await peer.head(reader)
        if peer.visits == 1:
            writer.write(_answer(b"x" * 100_000)[:50_000])
            await asyncio.sleep(5.0)
        else:
            writer.write(_answer(b"whole"))

    async with speaking(handler) as (peer, connection):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await _asked(connection, peer)
        assert await _asked(connection, peer) == b"whole"


async def test_who_gives_up_waiting_leaves_the_answer_to_nobody() -> None:
    async def handler(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await peer.head(reader)
            number = len(peer.heads)
            await asyncio.sleep(2.0 if number == 2 else 0.0)
            writer.write(_answer(b"%d" % number))

    async with speaking(handler) as (peer, connection):
        await _asked(connection, peer)
        peer.asked.clear()
        waiting = asyncio.create_task(_asked(connection, peer))
        await peer.asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await _asked(connection, peer) == b"3"
        assert peer.visits == 2


async def test_a_body_that_nobody_reads_is_not_taken_into_memory() -> None:
    sent = 0

    async def handler(
        peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal sent
        await peer.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(500):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async with speaking(handler) as (peer, connection):
        response = await connection.ask(question(peer.port))
        await asyncio.sleep(5.0)
        waiting = sent
        await asyncio.sleep(5.0)
        assert sent == waiting < 40_000_000  # what the system's buffers hold, and a bit of ours
        read = 0
        async for piece in response.aiter_raw():
            read += len(piece)
        await response.aclose()
        assert read == sent == 50_000_000


def _known_as(monkeypatch: pytest.MonkeyPatch, port: int, *addresses: str) -> None:
    """Have any name mean these."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
    real = socket.getaddrinfo

    def resolved(host: bytes | str, *rest: Any, **more: Any) -> Any:
        named = host in {b"two.test", "two.test"}
        return found if named else real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of 127.0.0.2 where connections are neither taken nor refused."""
    with socket.socket() as full, socket.socket() as one, socket.socket() as other:
        full.bind(("127.0.0.2", 0))
        full.listen(0)
        for each in (one, other):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield full.getsockname()[1]


async def test_of_several_addresses_that_all_refuse_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, opened: Opening
) -> None:
    with socket.socket() as held:  # bound without listening
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        _known_as(monkeypatch, port, "127.0.0.1", "127.0.0.2")
        session = opened(
            url=f"http://two.test:{port}", source=lambda: PersonalToken("t"), transport=None
        )
        with pytest.raises(Unreachable, match="connection refused"):
            await session.flatfile.guests()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_an_address_that_is_silent_holds_up_the_next_one_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch, silent: int, cancelled: bool
) -> None:
    _known_as(monkeypatch, silent, "127.0.0.2", "127.0.0.1")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", silent)
    loop, files = asyncio.get_running_loop(), _files()
    began = loop.time()
    reaching = asyncio.create_task(reached("two.test", silent, None))
    if cancelled:
        await asyncio.sleep(0.1)
        reaching.cancel()
        await asyncio.wait({reaching})
    else:
        stream = await reaching
        assert loop.time() - began == pytest.approx(0.25, abs=0.01)
        stream.abort()
        await stream.gone()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(1.0)
    assert _files() == files - 1  # the server's


async def test_a_session_that_is_closed_ends_what_it_still_asks(opened: Opening) -> None:
    async def handler(
        peer: Peer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        await peer.head(reader)
        await asyncio.sleep(3600.0)

    async with speaking(handler) as (peer, _):
        session = opened(
            url=f"http://127.0.0.1:{peer.port}", source=lambda: PersonalToken("t"), transport=None
        )
        waiting = asyncio.create_task(session.flatfile.guests())
        await peer.asked.wait()
        files = _files()
        await session.aclose()
        assert _files() < files
        with pytest.raises(Unreachable):
            await waiting


async def test_a_header_that_no_request_can_carry_is_not_repeated_in_the_error() -> None:
    async with speaking(polite) as (peer, connection):
        asked = question(peer.port)
        bad = Question(
            method="GET", base=asked.base, target=b"/", headers=((b"Host", b"CANARY\r\n"),)
        )
        with pytest.raises(httpx.LocalProtocolError) as caught:
            await connection.ask(bad)
        assert "CANARY" not in str(caught.value)
        assert await _asked(connection, peer) == b"1"


async def test_what_is_to_be_encrypted_is_never_sent_in_the_clear() -> None:
    async with speaking(polite) as (peer, _):
        connection = Connection(None)
        base = httpx.URL(f"https://127.0.0.1:{peer.port}")
        question = Question(method="GET", base=base, target=b"/", headers=())
        with pytest.raises(httpx.UnsupportedProtocol):
            await connection.ask(question)
        assert peer.visits == 0
