"""The daemon as a whole, over real sockets, in one process with its account."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from exporter.app.daemon import Daemon
from exporter.emulator import Emulator, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.emulator.server import serve
from exporter.errors import ConfigurationError
from exporter.precedence import Precedence
from exporter.settings import Loaded, Shard, resolve

SMALL = Scale(environments=4, spaces=20, users=5, guests=5, events_per_minute=0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Stage:
    """A daemon at work, its account, and a client for its pages."""

    daemon: Daemon
    emulator: Emulator
    client: httpx.AsyncClient
    running: asyncio.Task[None]
    flags: dict[str, Any] = field(default_factory=dict)

    async def ended(self) -> None:
        """Wait until the daemon has ended by itself."""
        await asyncio.wait({self.running}, timeout=20)

    async def metrics(self) -> dict[str, float]:
        text = (await self.client.get("/metrics")).text
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    async def until(self, name: str, value: float) -> dict[str, float]:
        """The metrics, as soon as one of them has a value."""
        async with asyncio.timeout(20):
            while (found := await self.metrics()).get(name, -1) < value:  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def _stage(
    folder: Path, reread: Callable[[], Loaded] | None = None, **flags: Any
) -> AsyncIterator[Stage]:
    emulator = Emulator(World(SMALL))
    async with serve(emulator) as url:
        given: dict[str, Any] = {
            "api.url": f"{url}/api/v1",
            "web.listen-address": ("127.0.0.1:0",),
            "storage.path": str(folder),
            "collector.agents.interval": "1s",
            "collector.environments.interval": "1s",
            **flags,
        }
        environ = {
            "FLATFILE_EXPORTER_AUTH_CLIENT_ID": CLIENT_ID,
            "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET": SECRET,
        }

        def load() -> Loaded:
            return resolve(given, environ)

        daemon = Daemon(load(), reread or load, wall=time.time, rng=Random(1))
        daemon.listen()
        running = asyncio.create_task(daemon.run())
        host, port = daemon.server.addresses[0]
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
            try:
                yield Stage(daemon, emulator, client, running, given)
            finally:
                daemon.stop()
                await running


FIRST = 'flatfile_collector_rounds_total{collector="agents"}'


async def test_a_reload_changes_intervals_and_keeps_series_token_and_counts(tmp_path: Path) -> None:
    async with _stage(tmp_path) as stage:
        before = await stage.until('flatfile_collector_success{collector="users"}', 1)
        stage.flags["collector.users.interval"] = "33s"
        assert await stage.daemon.reload() == ()
        after = await stage.metrics()
        assert after['flatfile_collector_interval_seconds{collector="users"}'] == 33
        assert before.keys() - after.keys() == set()
        assert after["flatfile_token_refreshes_total"] == 1
        assert after[FIRST] >= before[FIRST]
        assert stage.emulator.credentials.minted == 1
        assert after["flatfile_exporter_config_last_reload_successful"] == 1


async def test_a_bad_configuration_changes_nothing_and_shows(tmp_path: Path) -> None:
    async with _stage(tmp_path) as stage:
        await stage.until('flatfile_collector_success{collector="agents"}', 1)
        stage.flags["collector.users.interval"] = "never"
        reply = await stage.client.post("/-/reload")
        assert reply.status_code == 500
        assert "collector.users.interval" in reply.text
        after = await stage.metrics()
        assert after["flatfile_exporter_config_last_reload_successful"] == 0
        assert after['flatfile_collector_interval_seconds{collector="users"}'] == 300
        rounds = after[FIRST]
        await stage.until(FIRST, rounds + 2)  # it goes on collecting


async def test_a_collector_switched_off_by_a_reload_leaves_no_series(tmp_path: Path) -> None:
    async with _stage(tmp_path) as stage:
        await stage.until('flatfile_collector_success{collector="users"}', 1)
        stage.flags["collector.users"] = "false"
        assert (await stage.client.post("/-/reload")).status_code == 200
        after = await stage.metrics()
        assert [name for name in after if "users" in name and "route" not in name] == []


async def test_what_only_a_restart_changes_is_said_at_each_reload_and_not_pretended(
    tmp_path: Path,
) -> None:
    async with _stage(tmp_path) as stage:
        stage.flags["web.telemetry-path"] = "/other"
        for _ in range(2):
            with capture_logs() as lines:
                assert await stage.daemon.reload() == ()
            said = [line["setting"] for line in lines if line["event"] == "restart_needed"]
            assert said == ["web.telemetry-path"]
        assert 'href="/metrics"' in (await stage.client.get("/")).text
        assert (await stage.client.get("/metrics")).status_code == 200


async def test_many_reloads_at_once_end_in_one_that_works(tmp_path: Path) -> None:
    async with _stage(tmp_path) as stage:
        await stage.until('flatfile_collector_success{collector="agents"}', 1)
        assert await asyncio.gather(*(stage.daemon.reload() for _ in range(8))) == [()] * 8
        rounds = (await stage.metrics())[FIRST]
        await stage.until(FIRST, rounds + 2)
        assert stage.emulator.credentials.minted == 1


async def test_ready_only_after_environments_and_agents_were_seen(tmp_path: Path) -> None:
    async with _stage(tmp_path) as stage:
        await stage.until('flatfile_collector_success{collector="agents"}', 1)
        await stage.until('flatfile_collector_success{collector="environments"}', 1)
        assert (await stage.client.get("/-/ready")).status_code == 200


async def test_the_page_shows_what_was_seen_and_no_secret_or_name_of_a_person(
    tmp_path: Path,
) -> None:
    async with _stage(tmp_path) as stage:
        await stage.until('flatfile_collector_success{collector="guests"}', 1)
        await stage.until('flatfile_collector_success{collector="users"}', 1)
        page = (await stage.client.get("/")).text
        truth = stage.emulator.world.truth()
        assert truth.account_name in page
        for environment in truth.environments.values():
            assert environment.name in page
            assert environment.id in page
        everything = page + (await stage.client.get("/metrics")).text
        assert "CANARY" not in everything
        assert "canary" not in everything.lower()


async def test_a_bug_in_a_collector_ends_the_process_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exporter.app import generation as module
    from exporter.collectors.contract import Collector, Round

    async def look(_: Round[Any]) -> Any:
        raise ZeroDivisionError

    broken: Collector[Any] = Collector(name="agents", look=look, families=())
    monkeypatch.setattr(module, "COLLECTORS", (broken,))
    crashed = False
    try:
        async with _stage(tmp_path) as stage:
            await stage.ended()
    except ExceptionGroup as group:
        crashed = group.subgroup(ZeroDivisionError) is not None
    assert crashed


async def test_a_bug_in_a_reload_ends_the_process_loudly(tmp_path: Path) -> None:
    def reread() -> Loaded:
        raise LookupError("a bug")

    crashed = False
    try:
        async with _stage(tmp_path, reread) as stage:
            await stage.until('flatfile_collector_success{collector="agents"}', 1)
            os.kill(os.getpid(), signal.SIGHUP)
            await stage.ended()
    except ExceptionGroup as group:
        crashed = group.subgroup(LookupError) is not None
    assert crashed


async def test_without_a_credential_nothing_starts() -> None:
    loaded = resolve({}, {})
    with pytest.raises(ConfigurationError, match="AUTH_TOKEN"):
        Daemon(loaded, lambda: loaded, wall=time.time, rng=Random(1))


async def test_the_audit_log_of_the_first_shard_is_of_the_whole_account(tmp_path: Path) -> None:
    flags: dict[str, Any] = {
        "shard": "0/2",
        "audit": "true",
        "audit.interval": "1s",
        "audit.settle": "0s",
    }
    async with _stage(tmp_path, **flags) as stage:
        world = stage.emulator.world
        environments = [environment.id for environment in world.account.environments]
        assert any(not Shard(0, 2).owns(of) for of in environments)
        for of in environments:
            world.add_events(3, environment_id=of)
        happened = len(world.events(time.time() - 3000))
        after = await stage.until("flatfile_audit_records_total", happened)
        of_others = [
            name
            for name in after
            if any(of in name for of in environments if not Shard(0, 2).owns(of))
        ]
        assert of_others == []


async def test_every_thread_gives_way_to_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is not handed the daemon's precedence works as well, and makes scrapes wait."""
    asking: set[str] = set()
    one: set[Precedence] = set()
    give_way, answering = Precedence.give_way, Precedence.answering

    def told(self: Precedence) -> AbstractContextManager[None]:
        one.add(self)
        return answering(self)

    def seen(self: Precedence) -> None:
        asking.add(sys._getframe(1).f_globals["__name__"])
        one.add(self)
        give_way(self)

    monkeypatch.setattr(Precedence, "give_way", seen)
    monkeypatch.setattr(Precedence, "answering", told)
    flags: dict[str, Any] = {"audit": "true", "audit.interval": "1s", "audit.settle": "0s"}
    async with _stage(tmp_path, **flags) as stage:
        stage.emulator.world.add_events(3)
        await stage.until("flatfile_audit_records_total", 1)
    assert asking == {
        "exporter.families",  # measures
        "exporter.exposition.fragment",  # renders
        "exporter.disposal",  # frees
        "exporter.audit.store.chain",  # takes in
    }
    assert len(one) == 1
