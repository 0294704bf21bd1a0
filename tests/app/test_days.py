"""Hours of the whole daemon in virtual time: tokens that expire, outages, a refused credential."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
from structlog.testing import capture_logs

from exporter.app.daemon import Daemon
from exporter.emulator import Emulator, Fault, Quirks, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.session import Session, connect
from exporter.settings import Loaded, Settings, resolve
from tests.support.account import wall

SMALL = Scale(environments=3, spaces=10, users=5, guests=5, events_per_minute=6, rare=0)
HOUR = 3600.0
OPEN = Path("/proc/self/fd")
FLAGS: dict[str, str | tuple[str, ...]] = {
    "web.listen-address": ("127.0.0.1:0",),
    "storage.path": "none",
    "collector.environments.interval": "5m",
    "collector.agents.interval": "5m",
    "collector.events.interval": "5m",
}


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
    scale: Scale = SMALL, flags: Mapping[str, str] | None = None, **quirks: float
) -> AsyncIterator[Days]:
    """A daemon and its account; ``flags`` are added to those of all."""
    emulator = Emulator(World(scale, 1, wall), Quirks(**quirks))  # type: ignore[arg-type]

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
            transport=httpx.ASGITransport(emulator),
            before=before,
        )

    environ = {
        "FLATFILE_EXPORTER_AUTH_CLIENT_ID": CLIENT_ID,
        "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET": SECRET,
    }

    def load() -> Loaded:
        return resolve({**FLAGS, **(flags or {})}, environ)

    daemon = Daemon(load(), load, wall=wall, rng=Random(1), link=link)
    daemon.listen()
    running = asyncio.create_task(daemon.run())
    try:
        yield Days(daemon, emulator)
    finally:
        daemon.stop()
        await running


async def test_tokens_are_refreshed_before_they_expire_and_no_round_ever_fails() -> None:
    async with running(token_lifetime=1200.0) as days:
        await asyncio.sleep(2 * HOUR)
        for name in ("environments", "agents", "spaces", "users", "events"):
            rounds, failures, succeeded = days.record(name)
            assert (failures, succeeded) == (0, True), name
            assert rounds >= 24
        # Each is refreshed at 75 to 85 % of its life.
        assert 6 <= days.emulator.credentials.minted <= 9
        assert 401 not in {r.status for r in days.emulator.requests}


async def test_an_outage_of_an_hour_is_said_once_and_got_over() -> None:
    async with running() as days:
        await asyncio.sleep(600)
        with capture_logs() as lines:
            days.emulator.faults.add(Fault("status"))
            await asyncio.sleep(HOUR)
            asked = len(days.emulator.requests)
            days.emulator.faults.clear()
            await asyncio.sleep(900)
        for name in ("environments", "agents", "users", "events"):
            mine = [line["event"] for line in lines if line.get("collector") == name]
            assert mine == ["collector_failing", "collector_recovered"], name
            assert days.record(name)[2] is True
        assert asked < 2000  # it was no storm


async def test_a_refused_credential_is_said_once_and_tried_with_growing_pauses() -> None:
    async with running() as days:
        await asyncio.sleep(600)
        logins = sum(r.path == "/auth" for r in days.emulator.requests)
        with capture_logs() as lines:
            days.emulator.credentials.refused = True
            days.emulator.credentials.revoke()
            await asyncio.sleep(2 * HOUR)
            tried = sum(r.path == "/auth" for r in days.emulator.requests) - logins
            days.emulator.credentials.refused = False
            await asyncio.sleep(900)
        said = [line["event"] for line in lines if line["event"].startswith("credential")]
        assert said == ["credential_refused", "credential_accepted"]
        assert 10 <= tried <= 60
        assert days.record("agents")[2] is True


async def test_nothing_piles_up_while_hours_pass() -> None:
    async with running() as days:
        await asyncio.sleep(HOUR)
        before = len(asyncio.all_tasks()), len(list(OPEN.iterdir()))
        await asyncio.sleep(HOUR)
        after = len(asyncio.all_tasks()), len(list(OPEN.iterdir()))
        assert after[0] <= before[0] + 2
        assert after[1] <= before[1] + 2
        assert days.record("agents")[0] >= 24
