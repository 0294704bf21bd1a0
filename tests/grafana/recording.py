"""Hours of the real daemon and the real emulator in seconds, scraped as Prometheus would.

Clock and network are virtual; the pages are those of the daemon itself.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx

from exporter.app.daemon import Daemon
from exporter.emulator import DEMO, Emulator, World
from exporter.exposition import Exposition
from exporter.settings import Loaded, resolve
from tests.support.account import wall
from tests.support.days import ENVIRON, linked
from tests.support.loop import VirtualLoop, _JumpingSelector


class _Alone(_JumpingSelector):
    """Nobody is at the other end of a socket, so that nobody needs time to say something."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0 or self.loop.in_threads:
            return super().select(timeout)
        events = selectors.DefaultSelector.select(self, 0)
        if not events:
            self.loop.jump(timeout)
        return events


class AloneLoop(VirtualLoop):
    """A virtual loop that jumps at once: an hour of a daemon takes two seconds."""

    def __init__(self) -> None:
        self.in_threads = 0
        self._now = 0.0
        selector = _Alone()
        selector.loop = self
        asyncio.SelectorEventLoop.__init__(self, selector)


@dataclass
class Stage:
    """``page`` is /metrics of this moment, in text format."""

    emulator: Emulator
    daemon: Daemon
    maintenance: Path
    _exposition: Exposition

    async def page(self) -> str:
        page = await self._exposition.page(None, None, frozenset())
        return b"".join(page.chunks).decode()

    def environment(self, name: str) -> str:
        return self.emulator.world.environment(name).id


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The daemon with the default intervals, executions on, against the account of the demo."""
    emulator = Emulator(World(DEMO, 1, wall))
    maintenance = folder / "maintenance"
    maintenance.write_text("", encoding="utf-8")
    flags: dict[str, str | tuple[str, ...]] = {
        "web.listen-address": ("127.0.0.1:0",),
        "storage.path": "none",
        "collector.executions": "true",
        "maintenance.file": str(maintenance),
    }

    def load() -> Loaded:
        return resolve(flags, ENVIRON)

    daemon = Daemon(
        load(), load, wall=wall, rng=Random(1), link=linked(httpx.ASGITransport(emulator))
    )
    daemon.listen()
    running = asyncio.create_task(daemon.run())
    loop = asyncio.get_running_loop()
    exposition = Exposition(daemon._board, daemon._live, loop.time)
    try:
        yield Stage(emulator, daemon, maintenance, exposition)
    finally:
        daemon.stop()
        await running
