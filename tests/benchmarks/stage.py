"""The real daemon without its jobs, its board filled with as many series as one likes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from exporter.app.daemon import Daemon
from exporter.app.start import spare_the_loop
from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.directory import Directory
from exporter.exposition import Exposition
from exporter.families import Family, Measured, Sample, gauge
from exporter.jobs.rounds import Surroundings, play
from exporter.settings import load

_FAMILIES = 4  # of each collector
COLLECTORS = ("agents", "spaces", "users", "guests", "events")
_ENVIRON = {
    "FLATFILE_EXPORTER_API_URL": "http://127.0.0.1:9/api/v1",  # nothing here asks anything
    "FLATFILE_EXPORTER_AUTH_TOKEN": "pat_benchmark",
    "FLATFILE_EXPORTER_STORAGE_PATH": "none",
    "FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
    "FLATFILE_EXPORTER_WEB_MAX_REQUESTS": "0",  # more scrapers at once than the default lets in
}

_Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """``live`` measures what the daemon says about itself."""

    daemon: Daemon
    exposition: Exposition
    live: Callable[[], tuple[Measured, ...]]
    _around: Surroundings
    _collectors: dict[str, Collector[_Pairs]]

    async def change(self, *names: str) -> None:
        """Play a round of each of these collectors; all it saw is new, though equal."""
        for name in names:
            await play(self._collectors[name], self._around)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[int]:
        """The port of the real server, which serves while the context lasts."""
        server = self.daemon.server
        self.daemon.listen()
        await server.start()
        try:
            yield server.addresses[0][1]
        finally:
            await server.stop(1.0)

    def shown(self) -> list[Measured]:
        """Everything on the board."""
        readings = self._around.board.snapshot.readings
        return [family for name in COLLECTORS for family in readings[name].shown]


@asynccontextmanager
async def stage(series: int) -> AsyncIterator[Stage]:
    """About so many series, spread evenly over the collectors and their families."""
    loaded = load([], _ENVIRON)
    spare_the_loop()  # as the daemon does before it serves
    daemon = Daemon(loaded, lambda: loaded, wall=time.time, rng=Random(1))
    around = Surroundings(
        flatfile=daemon._session.flatfile,
        directory=Directory(lambda *_: True),
        store=daemon._store,
        settings=loaded.settings,
        board=daemon._board,
        wall=time.time,
        give_way=daemon._precedence.give_way,
    )
    size = max(1, series // (len(COLLECTORS) * _FAMILIES))
    made = Stage(
        daemon,
        Exposition(
            daemon._board,
            daemon._live,
            asyncio.get_running_loop().time,
            daemon._precedence,
        ),
        daemon._live,
        around,
        {name: _collector(name, size) for name in COLLECTORS},
    )
    await made.change(*COLLECTORS)
    try:
        yield made
    finally:
        await daemon._session.aclose()
        await daemon._store.aclose()


def _ids(kind: str, seed: str, count: int) -> list[str]:
    """As random as those of the account are."""
    dice = Random(seed)
    return [f"us_{kind}_{dice.randbytes(8).hex()}" for _ in range(count)]


def _collector(name: str, size: int) -> Collector[_Pairs]:
    """Two agents for each environment; the environments are the same for every collector."""
    environments = _ids("env", "environments", -(-size // 2))
    agents = _ids("ag", name, size)
    pairs = tuple((environments[at // 2], agent) for at, agent in enumerate(agents))
    exist = frozenset(environments)

    async def look(_: Round[_Pairs]) -> Observation[_Pairs]:
        return Observation(data=pairs, environments=exist)

    families = tuple(_family(name, number) for number in range(_FAMILIES))
    return Collector(name=name, look=look, families=families)


def _family(name: str, number: int) -> Family[_Pairs]:
    """Some values are counts, others points in time."""

    def samples(pairs: _Pairs) -> Iterable[Sample]:
        if number % 2:
            return [((of, agent), 1.7e9 + at / 7) for at, (of, agent) in enumerate(pairs)]
        return [((of, agent), at % 10) for at, (of, agent) in enumerate(pairs)]

    text = "Something that the collector saw, as long as such a text is."
    return gauge(f"flatfile_{name}_figure_{number}", text, samples, ("environment_id", "agent_id"))
