"""Real sockets: a server for the time of a test, and clients of several kinds."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from exporter.web.asgi import Application
from exporter.web.guard.guard import Guard
from exporter.web.limits import DEFAULT, Limits
from exporter.web.server import Server
from tests.web.stages import Big, Place

LOOPBACK = Place("127.0.0.1", 0)
SMALL = Big((b"hello", b" ", b"world"))


@asynccontextmanager
async def serving(
    app: Application, *places: Place, limits: Limits = DEFAULT, guard: Guard | None = None
) -> AsyncIterator[Server]:
    running = Server(app, limits, guard)
    running.bind(places or (LOOPBACK,))
    await running.start()
    try:
        yield running
    finally:
        await running.stop(1)


def url(running: Server, at: int = 0) -> str:
    host, port = running.addresses[at]
    return f"{running.scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


async def asked(running: Server, request: bytes) -> bytes:
    """Everything that is answered to these bytes, until the server closes."""
    reader, writer = await asyncio.open_connection(*running.addresses[0])
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def stalled(
    running: Server, *, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
) -> socket.socket:
    """A client that asks and never reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(running.addresses[0])
    client.sendall(request)
    return client


async def end_of(client: socket.socket) -> None:
    """Return when the server has closed the connection."""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            while await asyncio.get_running_loop().sock_recv(client, 65536):
                pass


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is in the operating system
            await asyncio.sleep(0.01)
