"""Serves an ASGI application on sockets of ours, and stops in the time that it is given.

The servers there are take over the signals, wake up ten times a second, and when their time is over
they leave those who do not read connected.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from exporter.web.asgi import Application, Receive, Scope, Send
from exporter.web.connection import Client, Connection, Host, Lobby
from exporter.web.limits import DEFAULT, Limits
from exporter.web.listeners import BACKLOG, Address, listen, place

if TYPE_CHECKING:
    from exporter.web.guard.guard import Guard

_LAST_WORDS = 0.5  # seconds for handlers to end once they are cancelled


class Server:
    """One application on any number of sockets: ``bind`` or ``adopt``, ``start``, ``stop``.

    With a ``guard``, behind its gate; and whether with TLS is settled at the start.
    """

    def __init__(
        self, app: Application, limits: Limits = DEFAULT, guard: "Guard | None" = None
    ) -> None:
        self.limits = limits
        self._app = app if guard is None else _gate(app, guard)
        self._guard = guard
        self._sockets: list[socket.socket] = []
        self._places: list[str] = []
        self._servers: list[asyncio.Server] = []
        # In the order in which they came: the first that says nothing has done so the longest.
        self._connections: dict[Client, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._empty = asyncio.Event()
        self._empty.set()

    def bind(self, addresses: Iterable[Address]) -> None:
        """Listen; who connects waits until ``start``. Raises ConfigurationError."""
        self.adopt(listen(addresses))

    def adopt(self, sockets: Iterable[socket.socket]) -> None:
        """Take over sockets that listen already."""
        taken = tuple(sockets)
        self._sockets += taken
        self._places += map(place, taken)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each socket that has them, with the ports that the system chose."""
        inet = {socket.AF_INET, socket.AF_INET6}
        return tuple(one.getsockname()[:2] for one in self._sockets if one.family in inet)

    @property
    def places(self) -> tuple[str, ...]:
        """Every socket, as people write it; also after the stop."""
        return tuple(self._places)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "http" if self._guard is None or self._guard.protection.tls is None else "https"

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def start(self) -> None:
        """Return as soon as connections are accepted."""

        def connection(host: Host) -> Connection:
            return Connection(self._serve, self._tasks, host)

        accept: Callable[[], asyncio.Protocol] = partial(connection, self)
        if self._guard is not None and self.scheme == "https":
            accept = _shaking(self, self._guard, connection)
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            server = await loop.create_server(accept, sock=one, backlog=BACKLOG)
            self._servers.append(server)

    async def stop(self, within: float) -> None:
        """Accept nothing more, let answers be finished, and close all after ``within`` seconds."""
        self._stopping = True
        for server in self._servers:
            server.close()
        for one in self._sockets:
            one.close()
        for connection in tuple(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.abort()
            await self._empty.wait()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_WORDS)

    def opened(self, client: Client) -> None:
        if self._stopping:
            client.abort()
        elif len(self._connections) >= self.limits.connections:
            self._make_room(client)
        self._connections[client] = None
        self._empty.clear()

    def closed(self, client: Client) -> None:
        self._connections.pop(client, None)
        if not self._connections:
            self._empty.set()

    def _make_room(self, newcomer: Client) -> None:
        silent = (one for one in self._connections if one.silent)
        idle = (one for one in self._connections if one.idle)
        leaving = next(chain(silent, idle), newcomer)
        leaving.abort()
        # Not when it is closed, or all that come at the same moment would send away this one.
        self._connections.pop(leaving, None)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # The time is over; that is no failure.
            if not self._stopping:
                raise


# Without a guard nothing of it is imported: that takes 40 ms, for which the first answer would wait.


def _gate(app: Application, guard: "Guard") -> Application:
    from exporter.web.guard.gate import Gate  # noqa: PLC0415 - only who guards the port needs it

    return Gate(app, guard)


def _shaking(
    lobby: Lobby, guard: "Guard", make: Callable[[Host], Connection]
) -> Callable[[], asyncio.Protocol]:
    from exporter.web.arrival import Arrival  # noqa: PLC0415 - only who guards the port needs it

    return lambda: Arrival(lobby, guard, make)
