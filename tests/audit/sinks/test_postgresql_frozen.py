"""What answers like no PostgreSQL, or not any more: a connection that hangs and never says so."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import asyncpg
import pytest

from exporter.audit.backlog import Cap
from exporter.audit.delivery import Delivery
from exporter.audit.sinks.postgresql import PostgresqlSink
from exporter.audit.store.chain import append
from exporter.audit.store.database import Database
from exporter.errors import DeliveryFailed
from tests.audit.sinks.postgres import Server
from tests.audit.sinks.stage import entries
from tests.audit.store.stage import drafts
from tests.support.processes import spotless

pytestmark = pytest.mark.peers


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@dataclass
class Line:
    """What stands between; while it is ``frozen``, bytes are taken and go nowhere."""

    dsn: str = ""
    frozen: asyncio.Event = field(default_factory=asyncio.Event)
    _held: list[asyncio.StreamWriter] = field(default_factory=list)

    async def between(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)
        self._held += [writer, there[1]]
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, there[1]))
                group.create_task(self._pass_on(there[0], writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if not self.frozen.is_set():
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        for writer in self._held:
            writer.close()


@asynccontextmanager
async def a_line_to(postgres: Server) -> AsyncIterator[Line]:
    line = Line()
    server = await asyncio.start_server(partial(line.between, postgres.port), "127.0.0.1", 0)
    line.dsn = f"postgresql://postgres:@127.0.0.1:{server.sockets[0].getsockname()[1]}/postgres"
    try:
        yield line
    finally:
        server.close()
        line.cut()


async def waiting(blocker: "asyncpg.Connection[Any]") -> None:
    """Until somebody waits for the lock that this connection holds."""
    asked = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    while not await blocker.fetchval(asked):  # noqa: ASYNC110 - another process has no event to wait for
        await asyncio.sleep(0.005)


async def test_the_end_of_the_process_waits_for_no_server_that_says_nothing_any_more(
    postgres: Server,
) -> None:
    table = "audit_frozen_end"
    database = Database(None, time.time)
    async with a_line_to(postgres) as line:
        sink = PostgresqlSink(lambda: line.dsn, name=table, timeout=1.0)
        await sink.send(entries(1, 1))
        blocker = await asyncpg.connect(postgres.dsn())
        async with blocker.transaction():
            await blocker.execute(f"LOCK TABLE {table}")
            await database.run(partial(append, drafts=drafts(1, 2), now=time.time()))
            cap = Cap(limit=1 << 30)
            work = Delivery(database, [sink], cap=cap, wall=time.time, rng=Random(1))
            running = asyncio.create_task(work.run())
            await waiting(blocker)
            line.frozen.set()
            running.cancel()
            done, _ = await asyncio.wait([running], timeout=3.0)
            assert done, "it goes on with its work although it was told to end"
        await blocker.close()
        await work.aclose()
    await database.aclose()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",  # authenticated, ready, and of no version
        b"R\0\0\0\x08\0\0\0\0S\0\0\0\x15server_version\0x\0Z\0\0\0\x05I",
    ],
)
async def test_what_answers_like_no_postgresql_is_no_bug_of_ours(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)  # whether TLS is wanted
        writer.write(b"N")
        await reader.read(1 << 16)  # who wants in
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sink = PostgresqlSink(lambda: f"postgresql://u:CANARY@127.0.0.1:{port}/d", timeout=1.0)
    with pytest.raises(DeliveryFailed) as caught:
        await sink.send(entries(1, 1))
    spotless(str(caught.value))
    await sink.aclose()
    server.close()


async def test_a_connection_that_hangs_is_let_go_without_a_word(postgres: Server) -> None:
    async with a_line_to(postgres) as line:
        sink = PostgresqlSink(lambda: line.dsn, name="audit_frozen_farewell")
        await sink.send(entries(1, 1))
        line.frozen.set()
        await sink.aclose()
