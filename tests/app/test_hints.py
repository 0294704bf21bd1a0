"""The whole daemon between its rounds: what events say has changed is asked about at once."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from statistics import median

from structlog.testing import capture_logs

from exporter.emulator import Fault, Scale
from tests.support.days import Days, running

FEW = Scale(environments=6, spaces=12, users=5, guests=5, events_per_minute=0, rare=0)
MANY = Scale(environments=2_000, spaces=10, users=5, guests=5, events_per_minute=60, rare=0)
RARELY = {
    "collector.agents.interval": "1h",
    "collector.spaces.interval": "1h",
    "collector.environments.interval": "1h",
    "collector.events.interval": "1h",
}


def _values(days: Days, collector: str, family: str) -> Mapping[str, float]:
    """By environment, as it is on the page now."""
    reading = days.daemon._board.snapshot.readings[collector]
    (found,) = [each for each in reading.shown if each.name == family]
    return {labels[0]: float(value) for labels, value in found.samples}  # type: ignore[arg-type] # gauges


def _agents(days: Days) -> Mapping[str, float]:
    return _values(days, "agents", "flatfile_environment_agents")


def _with_agents(days: Days) -> list[str]:
    return [of for of, amount in _agents(days).items() if amount]


async def _seen(days: Days, environment_id: str, amount: float, within: float) -> float:
    """Seconds until the page shows so many agents of it; ``within`` at most."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while _agents(days).get(environment_id) != amount:
        assert loop.time() - began <= within, "the page does not show it"
        await asyncio.sleep(0.1)
    return loop.time() - began


async def test_a_lost_agent_and_a_new_one_show_within_seconds_of_their_events() -> None:
    async with running(FEW, RARELY) as days:
        await asyncio.sleep(60)
        lost = _with_agents(days)[0]
        before = _agents(days)[lost]
        days.emulator.world.delete_agents(lost)
        await _seen(days, lost, 0.0, 7.0)
        days.emulator.world.restore_agents(lost)
        await _seen(days, lost, before, 7.0)
        assert days.record("agents")[0] == 1  # it was no round


async def test_an_agent_that_goes_without_an_event_shows_in_the_next_round() -> None:
    async with running(FEW, {**RARELY, "collector.agents.interval": "5m"}) as days:
        await asyncio.sleep(60)
        lost = _with_agents(days)[0]
        before = _agents(days)[lost]
        for agent in days.emulator.world.truth().environments[lost].agent_ids:
            days.emulator.world.delete_agent(agent, silent=True)
        await asyncio.sleep(30)
        assert _agents(days)[lost] == before
        await _seen(days, lost, 0.0, 1.5 * 300.0)


async def test_with_two_thousand_environments_a_lost_agent_shows_within_fifteen_seconds() -> None:
    async with running(MANY, {"api.requests-per-second": "10"}) as days:
        await asyncio.sleep(330)  # the first round takes 200 seconds at that rate
        taken = []
        losers = _with_agents(days)[::300]
        for lost in losers:
            days.emulator.world.delete_agents(lost)
            taken.append(await _seen(days, lost, 0.0, 15.0))
        assert median(taken) < 7.0
        since = days.emulator.world.now() - 60.0
        asked = Counter(r.path for r in days.emulator.requests if r.at > since)
        assert asked["/events"] <= 12 + 2 + len(taken)
        # The round under way asked about most of them before; it takes nothing back.
        for _ in range(50):
            await asyncio.sleep(5)
            assert not any(_agents(days)[lost] for lost in losers)


async def test_a_new_environment_and_its_agent_show_within_seconds() -> None:
    async with running(FEW, RARELY) as days:
        await asyncio.sleep(60)
        made = days.emulator.world.create_environment("brandnew").id
        days.emulator.world.deploy_agent(made, "worker")
        await asyncio.sleep(8)
        assert _agents(days)[made] == 1.0
        days.emulator.world.delete_environment(made)
        await asyncio.sleep(8)
        assert made not in _agents(days)


async def test_a_new_space_shows_within_seconds_and_many_cost_no_more_than_a_few_questions() -> (
    None
):
    family = "flatfile_environment_spaces"
    async with running(FEW, RARELY) as days:
        await asyncio.sleep(60)
        (of, before), *_ = _values(days, "spaces", family).items()
        days.emulator.world.create_space(of)
        await asyncio.sleep(8)
        assert _values(days, "spaces", family)[of] == before + 1
        since = days.emulator.world.now()
        for _ in range(100):
            days.emulator.world.create_space(of)
            await asyncio.sleep(0.2)
        await asyncio.sleep(32)
        assert _values(days, "spaces", family)[of] == before + 101
        listed = [r for r in days.emulator.requests if r.at > since and r.path == "/spaces"]
        assert len(listed) <= 4


async def test_an_answer_that_lags_behind_its_event_is_asked_for_once_more() -> None:
    async with running(FEW, RARELY) as days:
        await asyncio.sleep(60)
        lost = _with_agents(days)[0]
        before = _agents(days)[lost]
        days.emulator.world.add_events(1, topic="agent:created", environment_id=lost)
        await asyncio.sleep(8)
        days.emulator.world.deploy_agent(lost, "late", silent=True)
        await _seen(days, lost, before + 1, 15.0)


async def test_where_the_account_has_no_feed_the_rounds_of_each_environment_give_the_hints() -> (
    None
):
    slow = {**RARELY, "collector.events.interval": "20s"}
    async with running(FEW, slow, events_account_wide=400) as days:
        await asyncio.sleep(60)
        lost = _with_agents(days)[0]
        days.emulator.world.delete_agents(lost)
        await _seen(days, lost, 0.0, 30.0)


async def test_a_feed_that_fails_is_said_once_and_hints_are_heard_again_after_it() -> None:
    async with running(FEW, RARELY) as days:
        await asyncio.sleep(60)
        with capture_logs() as lines:
            days.emulator.faults.add(Fault("status", "/events"))
            since = days.emulator.world.now()
            await asyncio.sleep(600)
            days.emulator.faults.clear()
        asked = [r for r in days.emulator.requests if r.at > since and r.path == "/events"]
        assert len(asked) < 80  # it was no storm
        with capture_logs() as more:
            await asyncio.sleep(120)
        said = [one["event"] for one in (*lines, *more) if one["event"].startswith("hints_")]
        assert said == ["hints_failing", "hints_recovered"]
        lost = _with_agents(days)[0]
        days.emulator.world.delete_agents(lost)
        await _seen(days, lost, 0.0, 7.0)


async def test_a_watch_that_is_switched_off_asks_nothing() -> None:
    async with running(FEW, {**RARELY, "events.watch": "false"}) as days:
        await asyncio.sleep(60)
        since = days.emulator.world.now()
        await asyncio.sleep(60)
        assert not [r for r in days.emulator.requests if r.at > since]
