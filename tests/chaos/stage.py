"""The daemon as a whole on an emulated account, over a network and by a clock that can be broken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from exporter.app.daemon import Daemon
from exporter.emulator import Emulator, Quirks, Scale, World
from exporter.settings import Loaded, Settings, resolve
from tests.chaos import auditlog
from tests.chaos.chronicle import Chronicle
from tests.chaos.facts import facts
from tests.chaos.network import Network
from tests.support.answers import get
from tests.support.days import ENVIRON, linked
from tests.support.loop import VirtualLoop

INTERVALS = {
    "environments": 20.0,
    "agents": 20.0,
    "spaces": 60.0,
    "users": 60.0,
    "guests": 180.0,
    "events": 20.0,
    "executions": 60.0,
}
"""Seconds: short, so that a storm of an hour meets many rounds."""

SCALE = Scale(
    environments=4,
    spaces=40,
    users=24,
    guests=20,
    events_per_minute=12,
    rare=0.1,
    keep_events=20_000,
)
"""Small and lively, in pages of ten: most listings have several, and change while they are read."""

FLAGS: dict[str, Any] = {
    "web.listen-address": ("127.0.0.1:0",),
    "storage.path": "none",
    "log.level": "error",
    "api.page-size": "10",
    "collector.executions": "true",
    "collector.spaces.info": "true",
    "collector.retain": "4m",
    "events.window": "30m",
    **{f"collector.{name}.interval": f"{seconds:g}s" for name, seconds in INTERVALS.items()},
}


@dataclass
class Clock:
    """The exporter's wall clock, in Unix seconds; ``skew`` is how far it is ahead.

    ``right`` is the account's clock. Both can be asked in any thread: the audit log does.
    """

    right: Callable[[], float]
    skew: float = 0.0

    def __call__(self) -> float:
        return self.right() + self.skew


@dataclass
class Stage:
    emulator: Emulator
    network: Network
    clock: Clock
    chronicle: Chronicle
    daemon: Daemon
    running: asyncio.Task[None]
    settings: Settings
    climate: Quirks
    """What is unknown about the service, as it is when no trouble changes it."""
    aside: set[asyncio.Task[Any]] = field(default_factory=set)
    """Tasks of the storm itself."""

    @property
    def world(self) -> World:
        return self.emulator.world

    def note(self) -> None:
        """Write down how things stand with the account."""
        now = asyncio.get_running_loop().time()
        self.chronicle.record(now, facts(self.world, self.clock.skew))

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of what the daemon's own server would answer."""
        return await get(self.daemon, path)

    def begin(self, work: Any) -> None:
        task = asyncio.create_task(work, name="chaos aside")
        self.aside.add(task)
        task.add_done_callback(self.aside.discard)


@asynccontextmanager
async def stage(
    seed: int,
    quirks: Quirks | None = None,
    *,
    scale: Scale = SCALE,
    folder: Path | None = None,
    audit: Path | None = None,
    flags: dict[str, Any] | None = None,
) -> AsyncIterator[Stage]:
    """With ``folder`` the state is on the disk, with ``audit`` an audit log is kept there.

    The daemon is ended on leaving.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    emulator = Emulator(World(scale, seed, loop.wall), quirks)
    climate = replace(emulator.quirks)
    clock, chronicle = Clock(loop.wall), Chronicle()
    network = Network(emulator)
    given = {
        **FLAGS,
        **({"storage.path": str(folder)} if folder else {}),
        **({"audit.path": str(audit), **auditlog.FLAGS} if audit else {}),
        **(flags or {}),
    }

    def load() -> Loaded:
        return resolve(given, ENVIRON)

    loaded = load()
    daemon = Daemon(loaded, load, wall=clock, rng=Random(seed), link=linked(network))
    daemon.listen()
    running = asyncio.create_task(daemon.run(), name="daemon")
    made = Stage(emulator, network, clock, chronicle, daemon, running, loaded.settings, climate)
    made.note()
    network.answered = made.note
    try:
        yield made
    finally:
        daemon.stop()
        await asyncio.wait({running})
