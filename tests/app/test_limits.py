"""The whole daemon with less budget than it needs, and with an API that limits or struggles."""

import asyncio
import itertools
from collections import Counter

import pytest
from structlog.testing import capture_logs

from exporter.emulator import Fault, Scale
from exporter.flatfile.governor import RECOVERY
from tests.support.days import Days, running

MANY = Scale(environments=50, spaces=10, users=5, guests=5, events_per_minute=0)
FREQUENT = {
    "api.requests-per-second": "50",
    "collector.agents.interval": "5s",
    "collector.environments.interval": "30s",
}
SHORT = {
    "api.requests-per-second": "2",
    "collector.agents.interval": "1m",
    "collector.guests.interval": "10m",
    "collector.events.interval": "1h",
    "collector.spaces.interval": "1h",
}


def _statuses(days: Days, since: float) -> Counter[int]:
    return Counter(r.status for r in days.emulator.requests if r.at >= since)


def _rate(days: Days) -> float:
    return days.daemon._session.budget.rate


async def test_an_api_that_limits_us_is_left_alone_within_seconds_and_asked_near_its_limit() -> (
    None
):
    async with running(MANY, FREQUENT) as days:
        now = days.emulator.world.now
        await asyncio.sleep(60)
        assert _rate(days) == 50.0
        with capture_logs() as lines:
            days.emulator.quirks.rate_limit = 4
            await asyncio.sleep(15)
            since = now()
            await asyncio.sleep(300)
            found = _statuses(days, since)
            assert found[429] <= 0.01 * found[200]
            assert 0.6 * 4 <= found[200] / 300 <= 4
            days.emulator.quirks.rate_limit = None
            await asyncio.sleep(RECOVERY + 30)
            assert _rate(days) == 50.0
            since = now()
            await asyncio.sleep(60)
            assert _statuses(days, since)[200] / 60 > 8  # all that there is to ask
        said = [line["event"] for line in lines if line["event"].startswith("api_")]
        assert said == ["api_slowed_down", "api_at_full_rate"]
        assert days.record("agents")[2] is True


async def test_an_api_that_gets_slow_is_asked_less_until_it_is_quick_again() -> None:
    async with running(MANY, FREQUENT) as days:
        await asyncio.sleep(60)
        days.emulator.faults.add(Fault("latency", delay=2.0))
        await asyncio.sleep(60)
        assert 0.0 < _rate(days) < 5.0
        days.emulator.faults.clear()
        await asyncio.sleep(RECOVERY + 30)
        assert _rate(days) == 50.0


async def test_a_route_that_is_broken_does_not_slow_the_others_down_for_long() -> None:
    async with running(MANY, FREQUENT | {"collector.spaces.interval": "10s"}) as days:
        await asyncio.sleep(60)
        days.emulator.faults.add(Fault("status", "/spaces"))
        await asyncio.sleep(RECOVERY + 30)
        assert days.record("spaces")[2] is False
        assert _rate(days) == 50.0


async def test_with_more_work_than_budget_agents_are_on_time_and_guests_are_late() -> None:
    account = Scale(environments=50, spaces=1000, users=5, guests=50, events_per_minute=0)
    async with running(account, SHORT) as days:
        await asyncio.sleep(900)  # the first rounds, all at once, take their time
        rounds = {name: days.record(name)[0] for name in ("agents", "guests")}
        late: dict[str, list[float]] = {"agents": [], "guests": []}
        minutes = 40
        for _ in range(minutes):
            await asyncio.sleep(60)
            for name, found in late.items():
                found.append(days.daemon._board.snapshot.records[name].lateness or 0.0)
        agents, guests = (days.record(name)[0] - rounds[name] for name in ("agents", "guests"))
        assert agents >= 0.9 * minutes
        # What is late for long has its turn, too: at most a minute in each of its intervals.
        assert sum(1 for each in late["agents"] if each > 1.0) <= 0.2 * minutes
        assert max(late["agents"]) < 60.0
        assert max(late["guests"]) > 60.0
        assert 1 <= guests < minutes / 10  # late, and not starved
        shown = {family.name: family for family in days.daemon._live()}
        samples = dict(shown["flatfile_collector_lateness_seconds"].samples)
        assert samples["guests",] == pytest.approx(late["guests"][-1])


async def test_collectors_of_one_interval_do_not_ask_at_the_same_moment() -> None:
    names = ("environments", "agents", "spaces", "users", "events")
    every = {f"collector.{name}.interval": "1m" for name in names}
    async with running(flags=every) as days:
        await asyncio.sleep(300)
        starts: dict[str, float] = {}
        for name in names:
            starts[name] = days.daemon._board.snapshot.records[name].last_attempt or 0.0
        phases = sorted(at % 60 for at in starts.values())
        assert min(b - a for a, b in itertools.pairwise(phases)) > 1.0
