"""Requests to our own port, from the first byte of a connection to the last of the answer."""

import asyncio
import binascii
import re
import socket
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import bcrypt

from exporter.board import Board, Outcome, Record, Snapshot, ended
from exporter.exposition import Exposition
from exporter.exposition.accept import Format, gzipped, negotiate
from exporter.families import Kind, Measured
from exporter.web.answers import plain, reply
from exporter.web.app import App, Parts
from exporter.web.asgi import Message, Receive, Scope, Send
from exporter.web.connection import Connection
from exporter.web.guard.gate import Gate
from exporter.web.guard.guard import Guard
from exporter.web.server import Server
from tests.fuzz.promises import Alone, hold, overheard
from tests.web.stages import a_status

_AGENTS = Measured(
    name="flatfile_environment_agents",
    help="Agents.",
    kind=Kind.GAUGE,
    labels=("environment_id",),
    samples=((("us_env_1",), 2.0),),
)
_STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
_STATUSES = {200, 400, 403, 404, 405, 431, 503}
_LONG = 600.0  # virtual seconds: more than every deadline of a connection together
_PIECE = 7  # bytes, of a request that comes in many
_USER, _PASSWORD = b"Anne", "p:ässword".encode()


def accept(content: bytes) -> None:
    """``Accept`` and ``Accept-Encoding``."""
    text = content.decode("latin-1")
    hold(negotiate(text) in Format, "a format is chosen")
    hold(gzipped(text) in {True, False}, "and whether to compress")


def request(content: bytes) -> None:
    """The bytes of a connection, whole and in small pieces."""
    whole = _connection([content])
    pieces = [content[at : at + _PIECE] for at in range(0, len(content), _PIECE)]
    cut = _connection(pieces)
    # 400 where more is sent behind a last request: it comes before the answer, or after.
    same = cut[:1] == whole[:1] or (cut and whole and 400 in {cut[0], whole[0]})
    hold(same, f"how a request is cut does not change its answer: {whole} and {cut}")


def authorization(content: bytes) -> None:
    """``Authorization``, before a guarded port."""
    value = content.replace(b"\r", b"").replace(b"\n", b"")
    with overheard() as lines, asyncio.Runner(loop_factory=Alone) as runner:
        status = runner.run(_knock(value))
    hold(not lines, f"nothing is logged: {lines}")
    hold(status == (200 if _right(value) else 401), f"the right password and no other: {status}")


def _connection(pieces: list[bytes]) -> list[int]:
    """The status of each answer, once the connection is closed."""
    with overheard() as lines, asyncio.Runner(loop_factory=_Loop) as runner:
        loop = cast("_Loop", runner.get_loop())
        loop.set_exception_handler(lambda _, context: lines.append(repr(context)))
        written = runner.run(_served(loop, pieces))
    hold(not lines, f"nothing is logged: {lines}")
    found = [int(status) for status in _STATUS.findall(written)]
    hold(bool(found) is bool(written), "what is answered is HTTP")
    hold(_STATUS.match(written) or not written, "from its first byte")
    hold(set(found) <= _STATUSES, f"with a status that we have: {found}")
    return found


async def _served(loop: "_Loop", pieces: list[bytes]) -> bytes:
    server = Server(_app())
    ours, theirs = socket.socketpair()
    server.adopt([ours])
    await server.start()
    with theirs:
        transport = _Transport(connection := cast("Connection", loop.factory()))
        connection.connection_made(transport)
        for piece in filter(None, pieces):  # no socket ever hands over nothing
            if transport.closed:
                break
            connection.data_received(piece)
            await asyncio.sleep(0)
        if not transport.closed:
            connection.eof_received()
        try:
            async with asyncio.timeout(_LONG):
                await transport.gone.wait()
        except TimeoutError:
            hold(False, "every connection is closed in the end")
        await server.stop(1)
    hold(server.connections == 0, "no connection is left behind")
    hold(asyncio.all_tasks() == {asyncio.current_task()}, "no task is left behind")
    return bytes(transport.written)


def _app() -> App:
    board = Board()
    board.snapshot = Snapshot(records={"agents": Record(interval=60, retain=600, essential=True)})
    board.swap(ended("agents", Outcome(now=0, started=1, ended=2, duration=1, measured=(_AGENTS,))))

    async def reload() -> tuple[str, ...]:
        return ()

    exposition = Exposition(board, tuple, lambda: 0.0)
    return App(Parts(board=board, exposition=exposition, status=a_status, reload=reload))


class _Loop(Alone):
    """Keeps what makes a connection, in place of accepting any."""

    factory: Callable[[], asyncio.BaseProtocol]

    async def create_server(self, factory: Any, **_: Any) -> Any:  # type: ignore[override] # a seam
        self.factory = factory
        return _Idle()


class _Idle:
    """A server that accepts nobody."""

    def close(self) -> None: ...


class _Transport(asyncio.Transport):
    """A socket that reads at once all that is written."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False
        self.gone = asyncio.Event()
        self._connection = connection

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in {"peername", "sockname"} else default

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._lost)

    abort = close

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def _lost(self) -> None:
        self._connection.connection_lost(None)
        self.gone.set()


async def _knock(value: bytes) -> int:
    status: list[int] = []

    async def inside(_scope: Scope, _receive: Receive, send: Send) -> None:
        await reply(plain("inside"), send, body=True)

    async def send(message: Message) -> None:
        status.extend([message["status"]] if "status" in message else [])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "headers": [(b"authorization", value)]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "web.yml"
        file.write_text(f"basic_auth_users: {{{_USER.decode()}: {_hash()}}}")
        await Gate(inside, Guard(file))(scope, receive, send)
    return status[0]


def _right(value: bytes) -> bool:
    """By RFC 7617, written in another way; bcrypt looks at the first 72 bytes and up to a NUL."""
    scheme, _, rest = value.partition(b" ")
    try:
        decoded = binascii.a2b_base64(rest, strict_mode=True)
    except binascii.Error:
        return False
    user, colon, password = decoded.partition(b":")
    return scheme.lower() == b"basic" and bool(colon) and (user, password) == (_USER, _PASSWORD)


@cache
def _hash() -> str:
    return bcrypt.hashpw(_PASSWORD, bcrypt.gensalt(4)).decode()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "accept": accept,
    "request": request,
    "authorization": authorization,
}
