"""Several daemons that share an account expose together what one alone would, family by family."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from exporter.app.auditing import open_audit
from exporter.app.daemon import Daemon
from exporter.catalog import families
from exporter.emulator import Emulator, Quirks, Scale, World
from exporter.settings import Loaded, Shard, resolve
from tests.support.account import wall
from tests.support.days import ENVIRON, linked

MIXED = Scale(
    environments=14, spaces=40, users=6, guests=20, events_per_minute=4, history_seconds=900
)
CROWDED = Scale(
    environments=5, spaces=120, users=5, guests=6, events_per_minute=1, history_seconds=60
)
"""Many Spaces in few environments: they are counted, not listed."""
OF_A_PROCESS = (
    "flatfile_exporter_",
    "flatfile_collector_",
    "flatfile_api_",
    "flatfile_token_",
    "flatfile_up",
)
OF_THE_AUDIT_LOG = "flatfile_audit_"
WHEN_ASKED = "flatfile_environment_last_success_timestamp_seconds"
APART = 5.0  # seconds
ROUNDS = 930.0
"""Seconds in which every collector has two rounds; not just when another one begins or ends."""
FLAGS: dict[str, str | tuple[str, ...]] = {
    "web.listen-address": ("127.0.0.1:0",),
    "storage.path": "none",
    "api.requests-per-second": "1000",
    **{
        f"collector.{name}.interval": "5m"
        for name in ("environments", "agents", "spaces", "users", "guests", "events", "executions")
    },
    "collector.executions": "true",
    "collector.spaces.info": "true",
    "collector.spaces.info-limit": "30",
    "events.window": "6h",
    "maintenance.windows": "staging 2026-01-01T00:00:00Z 2029-01-01T00:00:00Z",
}
ACCOUNT = {
    family.name
    for _, family in families()
    if not family.name.startswith((*OF_A_PROCESS, OF_THE_AUDIT_LOG))
}

Page = Mapping[str, Mapping[tuple[str, ...], Any]]
"""By family, the value of each label set."""


@dataclass
class Stage:
    """An account, and every daemon that was started on it."""

    emulator: Emulator
    stack: AsyncExitStack
    flags: dict[str, str | tuple[str, ...]] = field(default_factory=dict)

    async def start(self, shard: str = "0/1", **flags: str) -> Daemon:
        given = {**FLAGS, **self.flags, **flags, "shard": shard}

        def load() -> Loaded:
            return resolve(given, ENVIRON)

        daemon = Daemon(
            load(), load, wall=wall, rng=Random(1), link=linked(httpx.ASGITransport(self.emulator))
        )
        daemon.listen()
        running = asyncio.create_task(daemon.run())

        async def end() -> None:
            daemon.stop()
            await running

        self.stack.push_async_callback(end)
        return daemon

    async def split(self, count: int) -> list[Daemon]:
        return [await self.start(f"{index}/{count}") for index in range(count)]


@asynccontextmanager
async def _stage(
    scale: Scale = MIXED, quirks: dict[str, Any] | None = None, **flags: str
) -> AsyncIterator[Stage]:
    emulator = Emulator(World(scale, 1, wall), Quirks(**(quirks or {})))
    async with AsyncExitStack() as stack:
        yield Stage(emulator, stack, dict(flags))


def page(daemon: Daemon) -> Page:
    """Everything on /metrics, before it becomes text."""
    now = asyncio.get_running_loop().time()
    shown = [f for seen in daemon._board.snapshot.fresh(now).values() for f in seen.shown]
    return {family.name: dict(family.samples) for family in (*shown, *daemon._live())}


def of_the_account(daemon: Daemon, *also: str) -> Page:
    return {
        name: samples
        for name, samples in page(daemon).items()
        if name in ACCOUNT or name.startswith(also)
    }


def union(pages: list[Page]) -> Page:
    """All series. One in two pages is a failure of the test."""
    times = Counter((name, labels) for one in pages for name in one for labels in one[name])
    assert [series for series, count in times.items() if count > 1] == []
    made: dict[str, dict[tuple[str, ...], Any]] = {}
    for one in pages:
        for name, samples in one.items():
            made.setdefault(name, {}).update(samples)
    return made


def assert_same(shards: list[Daemon], alone: Daemon, *also: str) -> Page:
    whole = of_the_account(alone, *also)
    together = union([of_the_account(shard, *also) for shard in shards])
    assert together.keys() == whole.keys()
    for name, samples in whole.items():
        if name == WHEN_ASKED:  # each asks at its own time, some seconds apart
            assert together[name].keys() == samples.keys()
            assert together[name] == pytest.approx(samples, abs=APART), name
        else:
            assert together[name] == samples, name
    return whole


async def _live_on(emulator: Emulator) -> None:
    """Everything that happens to an account, and then the time for every round to see it."""
    world = emulator.world
    await asyncio.sleep(ROUNDS)
    some = [environment.id for environment in world.account.environments]
    world.create_environment("another")
    world.delete_environment(some[3])
    for of in some[4:6]:
        world.delete_agents(of)
    world.add_user()
    emulator.quirks.unknown_topics = True
    await asyncio.sleep(ROUNDS)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
async def test_shards_expose_together_what_one_would_of_every_family(count: int) -> None:
    async with _stage(quirks={"event_context_missing": 0.1}) as stage:
        alone, shards = await stage.start(), await stage.split(count)
        await _live_on(stage.emulator)
        whole = assert_same(shards, alone)
        assert whole.keys() == ACCOUNT
        environments = stage.emulator.world.truth().environments
        assert {of for (of, *_) in whole["flatfile_environment_info"]} == environments.keys()
        assert {of for (of, _) in whole["flatfile_events_total"]} == environments.keys() | {""}


@pytest.mark.parametrize(
    ("scale", "quirks", "flags"),
    [
        (CROWDED, {}, {"collector.spaces.info": "false", "api.page-size": "10"}),
        (
            CROWDED,
            {"spaces_archived": "only"},
            {"collector.spaces.info": "false", "api.page-size": "10"},
        ),
        (MIXED, {}, {"collector.spaces.info": "false", "api.page-size": "3"}),
        (MIXED, {"space_environment_id_missing": True}, {"collector.spaces.info-limit": "900"}),
        (MIXED, {"pagination_object": False}, {}),
        (MIXED, {"guests_account_wide": "allowed"}, {}),
        (MIXED, {"events_account_wide": 403}, {}),
        (MIXED, {"events_account_wide": "first"}, {}),
        (MIXED, {"forbid_routes": {"/users": 403}}, {}),
        (MIXED, {}, {"filter.environments.exclude": "a"}),
    ],
    ids=[
        "counted",
        "counted apart",
        "walked, where a part could be counted",
        "spaces without environment",
        "no page object",
        "guests account-wide",
        "events one by one",
        "events of one environment only",
        "no users",
        "filtered",
    ],
)
async def test_shards_agree_with_one_whatever_the_server_allows(
    scale: Scale, quirks: dict[str, Any], flags: dict[str, str]
) -> None:
    async with _stage(scale, quirks, **flags) as stage:
        alone, shards = await stage.start(), await stage.split(3)
        await asyncio.sleep(ROUNDS)
        assert len(assert_same(shards, alone)) >= len(ACCOUNT) - 4


async def test_what_is_of_the_account_is_asked_by_the_first_shard_only() -> None:
    async with _stage() as stage:
        (_, second) = await stage.split(2)
        await asyncio.sleep(ROUNDS)
        wide = {
            f.name for _, f in families() if f.name in ACCOUNT and "environment_id" not in f.labels
        }
        assert wide
        assert not wide & page(second).keys()
        of_collectors = page(second)["flatfile_collector_interval_seconds"]
        assert ("agents",) in of_collectors
        assert ("users",) not in of_collectors, "it is as if it were switched off"
        asked = Counter(request.path for request in stage.emulator.requests)
        assert asked["/users"] - ROUNDS // 300 in {0, 1}  # the second round comes sooner
        assert asked["/accounts/current"] == 1


async def test_an_environment_is_asked_about_by_its_shard_only() -> None:
    async with _stage() as stage:
        await stage.split(3)
        await asyncio.sleep(ROUNDS)
        environments = len(stage.emulator.world.account.environments)
        asked = Counter(request.path for request in stage.emulator.requests)
        # Some twice, until each process has learned how agents are listed.
        assert asked["/agents"] < 1.5 * environments * ROUNDS / 300


async def test_a_feed_of_one_environment_is_not_taken_for_the_accounts_by_whose_it_is() -> None:
    async with _stage(quirks={"events_account_wide": "first"}) as stage:
        world = stage.emulator.world
        first, *others = (environment.id for environment in world.account.environments)
        shard = next(
            shard
            for count in range(2, 1000)
            for shard in (Shard(index, count) for index in range(count))
            if shard.owns(first) and not any(map(shard.owns, others))
        )
        daemon = await stage.start(str(shard))
        await asyncio.sleep(ROUNDS)
        while not shard.owns(new := world.create_environment().id):
            pass
        world.add_events(3, environment_id=new, topic="job:failed")
        await asyncio.sleep(ROUNDS)
        assert page(daemon)["flatfile_events_total"][new, "job:failed"] == 3


async def test_a_shard_without_an_environment_becomes_ready() -> None:
    async with _stage(Scale(environments=1, spaces=3, users=2, guests=2)) as stage:
        (environment,) = stage.emulator.world.account.environments
        empty = next(i for i in range(2) if not Shard(i, 2).owns(environment.id))
        shard = await stage.start(f"{empty}/2")
        await asyncio.sleep(120)
        snapshot = shard._board.snapshot
        assert snapshot.waiting_for() == ()
        assert {record.succeeded for record in snapshot.records.values()} == {True}


async def test_each_process_says_which_shard_it_is() -> None:
    async with _stage() as stage:
        alone, (first, second) = await stage.start(), await stage.split(2)
        await asyncio.sleep(120)
        found = [page(daemon)["flatfile_exporter_shards"] for daemon in (alone, first, second)]
        assert found == [{("0",): 1}, {("0",): 2}, {("1",): 2}]
        assert (alone._status().shard, second._status().shard) == (None, "1/2")


async def test_a_reload_does_not_change_the_shard_and_says_so() -> None:
    async with _stage() as stage:
        daemon = await stage.start("1/2")
        await asyncio.sleep(600)
        before = of_the_account(daemon)
        stage.flags["shard"] = "0/2"
        given = {**FLAGS, "shard": "0/2"}
        daemon._reread = lambda: resolve(given, ENVIRON)
        with capture_logs() as lines:
            assert await daemon.reload() == ()
        said = [line["setting"] for line in lines if line["event"] == "restart_needed"]
        assert said == ["shard"]
        await asyncio.sleep(600)
        after = of_the_account(daemon)
        assert after["flatfile_environment_info"] == before["flatfile_environment_info"]
        assert after.keys() == before.keys()


async def test_an_environment_that_changes_its_shard_takes_its_counts_along(tmp_path: Path) -> None:
    async with _stage() as stage:
        stage.flags["storage.path"] = str(tmp_path / "second")
        async with AsyncExitStack() as before:
            outer, stage.stack = stage.stack, before
            await stage.start("1/2")
            await asyncio.sleep(ROUNDS)
            stage.stack = outer
        stage.flags["storage.path"] = str(tmp_path / "alone")
        async with AsyncExitStack() as before:
            outer, stage.stack = stage.stack, before
            await stage.start()
            stage.stack = outer
        stage.flags["storage.path"] = str(tmp_path / "second")
        again = await stage.start("1/3")
        stage.flags["storage.path"] = "none"
        alone = await stage.start()
        await asyncio.sleep(ROUNDS)
        counted = page(again)["flatfile_recent_events"]
        assert {of for of, _ in counted if not Shard(1, 2).owns(of)}, "nothing changed its shard"
        whole = page(alone)["flatfile_recent_events"]
        assert counted == {k: v for k, v in whole.items() if Shard(1, 3).owns(k[0])}


def test_the_audit_log_is_kept_by_the_first_shard_only(tmp_path: Path) -> None:
    kept = []
    with capture_logs() as lines:
        for index in range(3):
            folder = tmp_path / str(index)
            flags = {"audit": "true", "storage.path": str(folder), "shard": f"{index}/3"}
            audit = open_audit(resolve(flags, {}).settings, wall=lambda: 0.0, rng=Random(1))
            kept.append((audit is not None, (folder / "audit").exists()))
    assert kept == [(True, True), (False, False), (False, False)]
    said = [line["shard"] for line in lines if line["event"] == "audit_left_to_first_shard"]
    assert said == ["1/3", "2/3"]
