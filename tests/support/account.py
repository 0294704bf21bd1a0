"""An emulated account in the same loop and in its time, asked through the real client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx

from exporter.app.generation import records
from exporter.board import Board, enabled
from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.directory import Directory
from exporter.emulator import Emulator, Quirks, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.families import Labels, measure
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.session import Session, connect
from exporter.flatfile.whole import Whole
from exporter.jobs.rounds import Surroundings
from exporter.settings import Settings
from exporter.state.store import Store
from tests.support.loop import VirtualLoop

D = TypeVar("D")

STILL = Scale(environments=5, spaces=60, users=30, guests=40, events_per_minute=0)
"""An account in which nothing happens by itself."""

BUSY = Scale(environments=5, spaces=60, users=30, guests=40, events_per_minute=60, rare=0)
"""One with a stream of events that changes nothing else."""


def wall() -> float:
    """Unix seconds that go with the virtual loop."""
    loop = asyncio.get_running_loop()
    return VirtualLoop.EPOCH + loop.time()


@dataclass
class Bench:
    """An account, a session with it, and the means to play rounds by hand."""

    emulator: Emulator
    session: Session
    store: Store
    settings: Settings
    directory: Directory
    board: Board = field(default_factory=Board)
    previous: dict[str, Any] = field(default_factory=dict)
    offered: list[Whole] = field(default_factory=list)
    """The listings that collectors offered, in order."""
    skew: float = 0.0
    """Seconds by which the clock of the exporter is ahead of the account's."""

    async def look(self, collector: Collector[D]) -> Observation[D]:
        """One look, with what the last one saw as the previous."""
        loop = asyncio.get_running_loop()
        options = self.settings.collector.by_name()[collector.name]
        observation = await collector.look(
            Round(
                flatfile=self.session.flatfile,
                directory=self.directory,
                store=self.store,
                settings=self.settings,
                previous=self.previous.get(collector.name),
                now=loop.time(),
                wall=wall() + self.skew,
                interval=options.interval,
                retain=self.settings.collector.retention(options.interval),
                offer=self.offered.append,
            )
        )
        self.previous[collector.name] = observation.data
        return observation

    async def samples(self, collector: Collector[Any]) -> dict[str, dict[Labels, Any]]:
        """What one look measures: by family, the value of each label set."""
        data = (await self.look(collector)).data
        return {m.name: dict(m.samples) for m in measure(collector.families, data)}

    def surroundings(self) -> Surroundings:
        self.board.swap(enabled(records(self.settings)))
        return Surroundings(
            flatfile=self.session.flatfile,
            directory=self.directory,
            store=self.store,
            settings=self.settings,
            board=self.board,
            wall=wall,
        )

    def asked(self, path: str) -> int:
        """How many requests came for a path below the base."""
        return sum(1 for request in self.emulator.requests if request.path.endswith(path))


@asynccontextmanager
async def bench(
    scale: Scale = STILL,
    *,
    quirks: Quirks | None = None,
    folder: Path | None = None,
    settings: dict[str, Any] | None = None,
    seed: int = 1,
) -> AsyncIterator[Bench]:
    """A bench in virtual time; with ``folder`` the state is on the disk."""
    emulator = Emulator(World(scale, seed, wall), quirks)
    chosen = Settings(layers=(settings or {},))
    session = connect(
        "http://emulator/api/v1",
        lambda: ClientPair(CLIENT_ID, SECRET),
        timeout=chosen.api.timeout,
        concurrency=chosen.api.concurrency,
        requests_per_second=1000,
        page_size=chosen.api.page_size,
        clock=wall,
        rng=Random(seed),
        transport=httpx.ASGITransport(emulator),
    )
    store = Store(folder, wall)
    made = Bench(
        emulator,
        session,
        store,
        chosen,
        Directory(chosen.filter.environments.admits, chosen.shard.owns),
    )
    try:
        yield made
    finally:
        await session.aclose()
        await made.store.aclose()
