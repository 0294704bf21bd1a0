"""The whole daemon on an emulated account, in the account's time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import httpx

from exporter.app.daemon import Daemon
from exporter.app.link import Link
from exporter.emulator import Emulator, Quirks, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.session import Session, connect
from exporter.settings import Loaded, Settings, resolve
from tests.support.loop import VirtualLoop

SMALL = Scale(environments=3, spaces=10, users=5, guests=5, events_per_minute=6, rare=0)
ENVIRON: Mapping[str, str] = {
    "FLATFILE_EXPORTER_AUTH_CLIENT_ID": CLIENT_ID,
    "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET": SECRET,
}
FLAGS: Mapping[str, str | tuple[str, ...]] = {
    "web.listen-address": ("127.0.0.1:0",),
    "storage.path": "none",
    "collector.environments.interval": "5m",
    "collector.agents.interval": "5m",
    "collector.events.interval": "5m",
}


def linked(transport: httpx.AsyncBaseTransport) -> Link:
    """Sessions as the daemon opens them, but over this network."""

    def link(
        settings: Settings,
        *,
        wall: Callable[[], float],
        rng: Random,
        before: Session | None,
    ) -> Session:
        return connect(
            "http://emulator/api/v1",
            lambda: ClientPair(CLIENT_ID, SECRET),
            timeout=settings.api.timeout,
            concurrency=settings.api.concurrency,
            requests_per_second=settings.api.requests_per_second,
            page_size=settings.api.page_size,
            clock=wall,
            rng=rng,
            transport=transport,
            before=before,
        )

    return link


@dataclass
class Days:
    daemon: Daemon
    emulator: Emulator

    def record(self, name: str) -> tuple[int, int, bool | None]:
        """Rounds, failures and the newest result of a collector."""
        record = self.daemon._board.snapshot.records[name]
        return record.rounds, sum(record.failures.values()), record.succeeded


@asynccontextmanager
async def running(
    scale: Scale = SMALL,
    flags: Mapping[str, str] | None = None,
    *,
    wall: Callable[[], float] | None = None,
    **quirks: float,
) -> AsyncIterator[Days]:
    """A daemon and its account; ``flags`` are added to those of all.

    ``wall`` is the daemon's own clock, in Unix seconds; unless given, it is right.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    # Of the loop itself: the audit log signs in its own thread, and asks there what time it is.
    emulator = Emulator(World(scale, 1, loop.wall), Quirks(**quirks))  # type: ignore[arg-type] # of the quirks in use

    def load() -> Loaded:
        return resolve({**FLAGS, **(flags or {})}, ENVIRON)

    link = linked(httpx.ASGITransport(emulator))
    daemon = Daemon(load(), load, wall=wall or loop.wall, rng=Random(1), link=link)
    daemon.listen()
    running = asyncio.create_task(daemon.run())
    try:
        yield Days(daemon, emulator)
    finally:
        daemon.stop()
        await running
