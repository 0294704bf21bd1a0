"""What a collector does when a part of the account does not answer."""

import asyncio
import itertools
from typing import Any

import pytest

from exporter.collectors import agents, environments, events, guests, spaces, users
from exporter.collectors.contract import Collector
from exporter.emulator import Fault, Quirks, Scale
from exporter.errors import REASONS, Malformed, RoundError, ServerFailed, StorageFailed
from exporter.families import measure
from tests.support.account import STILL, Bench, bench

ALL: list[Collector[Any]] = [
    environments.COLLECTOR,
    agents.COLLECTOR,
    spaces.COLLECTOR,
    users.COLLECTOR,
    guests.COLLECTOR,
    events.COLLECTOR,
]
ROUTES = {
    "environments": "/environments",
    "agents": "/agents",
    "spaces": "/spaces",
    "users": "/users",
    "guests": "/guests",
    "events": "/events",
}
WRONG = ["html", "empty", "cut_json", "not_utf8", "deep_json", "wrong_data", "nulls", "redirect"]


def _named(collector: Collector[Any]) -> str:
    return collector.name


@pytest.mark.parametrize("collector", ALL, ids=_named)
@pytest.mark.parametrize("kind", [*WRONG, "wrong_types", "missing_fields", "status"])
async def test_a_wrong_answer_fails_the_round_with_a_reason_of_the_closed_set(
    collector: Collector[Any], kind: Any
) -> None:
    async with bench() as it:
        if collector.name in {"users", "events"}:  # something must be there to be wrong
            it.emulator.world.add_events(5)
        it.emulator.faults.add(Fault(kind, ROUTES[collector.name]))
        error = await _failure(it, collector)
        assert error.reason in REASONS
        assert "CANARY" not in str(error)
        it.emulator.faults.clear()
        await asyncio.sleep(600)
        assert (await it.look(collector)).error is None


async def _failure(it: Bench, collector: Collector[Any]) -> RoundError:
    try:
        observation = await it.look(collector)
    except RoundError as error:
        return error
    assert observation.error is not None, "the round did not fail"
    return observation.error


async def test_a_listing_of_environments_that_fails_is_no_success_though_an_older_one_serves() -> (
    None
):
    async with bench() as it:
        await it.look(environments.COLLECTOR)
        it.emulator.faults.add(Fault("status", "/environments"))
        await asyncio.sleep(60)
        with pytest.raises(ServerFailed):
            await it.look(environments.COLLECTOR)
        assert (await it.look(agents.COLLECTOR)).error is None


async def _fail(it: Bench, environment_id: str) -> None:
    it.emulator.faults.add(Fault("status", "/agents", environment_id=environment_id))


async def test_one_environment_that_fails_keeps_its_agents_and_the_others_are_fresh() -> None:
    async with bench() as it:
        await it.look(agents.COLLECTOR)
        home = it.emulator.world.environment("production").id
        other = it.emulator.world.environment("development").id
        await _fail(it, home)
        await asyncio.sleep(60)
        it.emulator.world.delete_agents(other)
        observation = await it.look(agents.COLLECTOR)
        assert isinstance(observation.error, ServerFailed)
        listings = observation.data.listings
        assert len(listings[home].deployed) > 0
        assert listings[other].deployed == ()
        assert listings[home].wall < listings[other].wall - 50


async def test_past_the_bound_the_agents_of_an_environment_that_fails_are_unknown_not_zero() -> (
    None
):
    async with bench() as it:
        await it.look(agents.COLLECTOR)
        home = it.emulator.world.environment("production").id
        await _fail(it, home)
        await asyncio.sleep(601)
        observation = await it.look(agents.COLLECTOR)
        measured = {
            m.name: dict(m.samples) for m in measure(agents.COLLECTOR.families, observation.data)
        }
        assert (home,) not in measured["flatfile_environment_agents"]
        assert len(measured["flatfile_environment_agents"]) == STILL.environments - 1


async def test_when_no_environment_answers_there_is_nothing_new_to_show() -> None:
    async with bench() as it:
        it.emulator.faults.add(Fault("html", "/agents"))
        with pytest.raises(Malformed):
            await it.look(agents.COLLECTOR)


async def test_when_nothing_answers_most_of_a_large_account_is_not_even_asked() -> None:
    large = Scale(environments=300, spaces=0, users=1, guests=0, events_per_minute=0)
    async with bench(large) as it:
        it.emulator.faults.add(Fault("html", "/agents"))
        with pytest.raises(Malformed):
            await it.look(agents.COLLECTOR)
        assert it.asked("/agents") < 100


async def test_an_environment_deleted_since_it_was_listed_is_no_failure() -> None:
    async with bench() as it:
        await it.look(environments.COLLECTOR)
        gone = it.emulator.world.environment("staging").id
        it.emulator.world.delete_environment(gone)
        observation = await it.look(agents.COLLECTOR)
        assert observation.error is None
        assert gone not in observation.data.listings


async def test_an_environment_that_answers_404_but_still_exists_is_a_failure() -> None:
    async with bench() as it:
        home = it.emulator.world.environment("production").id
        it.emulator.faults.add(Fault("status", "/agents", environment_id=home, status=404))
        observation = await it.look(agents.COLLECTOR)
        assert observation.error is not None
        assert observation.error.reason == "not_found"


async def test_spaces_deleted_while_guests_are_counted_are_no_failure() -> None:
    async with bench(quirks=Quirks(guests_account_wide=400)) as it:
        it.emulator.faults.add(Fault("latency", "/guests", delay=1.0))
        looking = asyncio.create_task(it.look(guests.COLLECTOR))
        await asyncio.sleep(4)
        for space in list(it.emulator.world.account.spaces)[-25:]:
            it.emulator.world.delete_space(space.id)
        assert (await looking).error is None
        missing = [r for r in it.emulator.requests if r.path == "/guests" and r.status == 404]
        assert len(missing) > 16  # more than would end a sweep, were they failures


async def test_a_guest_listing_that_fails_once_is_tried_once_more() -> None:
    async with bench(quirks=Quirks(guests_account_wide=400)) as it:
        await it.look(guests.COLLECTOR)
        it.emulator.faults.add(Fault("html", "/guests", probability=0.3, count=9))
        counts = (await it.look(guests.COLLECTOR)).data.counts
        truth = it.emulator.world.truth().environments
        assert counts == {e: t.guests for e, t in truth.items()}


async def test_later_rounds_of_guests_are_spread_over_the_interval() -> None:
    async with bench(quirks=Quirks(guests_account_wide=400)) as it:
        loop = asyncio.get_running_loop()
        await it.look(guests.COLLECTOR)
        began = loop.time()
        before = len(it.emulator.requests)
        await it.look(guests.COLLECTOR)
        times = [r.at for r in list(it.emulator.requests)[before:] if r.path == "/guests"]
        assert 0.7 * 3600 < loop.time() - began < 3600
        gaps = [b - a for a, b in itertools.pairwise(times[10:])]
        assert max(gaps) < 2 * min(gaps) + 1


async def test_agents_go_on_with_the_last_listing_when_environments_cannot_be_listed() -> None:
    async with bench() as it:
        await it.look(environments.COLLECTOR)
        it.emulator.faults.add(Fault("html", "/environments"))
        await asyncio.sleep(300)
        assert (await it.look(agents.COLLECTOR)).error is None
        await asyncio.sleep(600)
        with pytest.raises(Malformed):
            await it.look(agents.COLLECTOR)


async def test_ten_collectors_that_need_the_environments_list_them_once() -> None:
    async with bench() as it:
        await asyncio.gather(
            *(it.directory.environments(it.session.flatfile, max_age=60) for _ in range(10))
        )
        assert it.asked("/environments") == 1


async def test_only_environments_that_pass_the_filter_are_asked_about() -> None:
    wanted = {"filter": {"environments": {"include": ["prod"], "exclude": ["^eu-"]}}}
    async with bench(settings=wanted) as it:
        seen = await it.samples(environments.COLLECTOR)
        assert [name for _, name, _ in seen["flatfile_environment_info"]] == ["production"]
        await it.look(agents.COLLECTOR)
        assert it.asked("/agents") <= 2


async def test_last_seen_is_unknown_rather_than_never_while_the_state_cannot_be_read(
    tmp_path: Any,
) -> None:
    obstacle = tmp_path / "data"
    obstacle.write_text("in the way")
    async with bench(folder=obstacle) as it:
        world = it.emulator.world
        empty = world.create_environment("empty").id
        home = world.environment("production").id
        seen = await it.samples(agents.COLLECTOR)
        last_seen = seen["flatfile_environment_agent_last_seen_timestamp_seconds"]
        assert (empty,) not in last_seen
        assert last_seen[home,] > 0
        assert seen["flatfile_environment_agents"][empty,] == 0
        with pytest.raises(StorageFailed):
            await it.look(events.COLLECTOR)


async def test_last_seen_outlives_the_agent_and_the_process(tmp_path: Any) -> None:
    async with bench(folder=tmp_path) as it:
        home = it.emulator.world.environment("production").id
        family = "flatfile_environment_agent_last_seen_timestamp_seconds"
        then = (await it.samples(agents.COLLECTOR))[family][home,]
        it.emulator.world.delete_agents(home)
        await it.store.aclose()
        it.store = type(it.store)(tmp_path, lambda: 0.0)
        it.previous.clear()
        await asyncio.sleep(500)
        assert (await it.samples(agents.COLLECTOR))[family][home,] == then
        fresh = it.emulator.world.create_environment("fresh").id
        await asyncio.sleep(100)
        assert (await it.samples(agents.COLLECTOR))[family][fresh,] == 0


@pytest.mark.parametrize("looked_before", [True, False])
async def test_a_refusal_that_passes_never_loses_the_agents_that_only_a_filter_lists(
    looked_before: bool,
) -> None:
    async with bench(quirks=Quirks(agents_default_includes_system=False)) as it:
        if looked_before:
            await it.look(agents.COLLECTOR)
        # It begins between the plain question and the one for system agents.
        it.emulator.faults.add(Fault("latency", "/agents", delay=1.0))
        failing = asyncio.create_task(_failure(it, agents.COLLECTOR))
        await asyncio.sleep(0.5)
        it.emulator.faults.set([Fault("status", "/agents", status=405)])
        assert (await failing).reason == "bad_request"
        it.emulator.faults.clear()
        seen = await it.samples(agents.COLLECTOR)
        truth = it.emulator.world.truth().environments
        system = {(e,): t.system_agents for e, t in truth.items()}
        assert sum(system.values())
        assert seen["flatfile_environment_system_agents"] == system


async def test_a_404_that_passes_takes_no_guest_away() -> None:
    async with bench() as it:
        before = await it.samples(guests.COLLECTOR)
        space = next(s for s in it.emulator.world.account.spaces)
        it.emulator.faults.add(Fault("status", "/guests", status=404))
        assert (await _failure(it, guests.COLLECTOR)).reason == "not_found"
        it.emulator.faults.clear()
        it.emulator.world.delete_space(space.id)
        seen = await it.samples(guests.COLLECTOR)
        assert seen.keys() == before.keys()


@pytest.mark.parametrize("page_size", ["2", "100"])
async def test_a_404_that_passes_makes_no_environment_one_without_spaces(page_size: str) -> None:
    quirks = Quirks(space_environment_id_missing=True)
    async with bench(quirks=quirks, settings={"api": {"page_size": page_size}}) as it:
        before = await it.samples(spaces.COLLECTOR)
        gone = next(environment.id for environment in it.emulator.world.account.environments)
        it.emulator.faults.add(Fault("status", "/spaces", environment_id=gone, status=404))
        seen = await it.samples(spaces.COLLECTOR)
        for family in ("flatfile_environment_spaces", "flatfile_environment_archived_spaces"):
            expected = {of: value for of, value in before[family].items() if of != (gone,)}
            assert seen[family] == expected


@pytest.mark.parametrize("listed", [True, False])
async def test_an_environment_deleted_since_it_was_listed_has_not_lost_its_spaces(
    listed: bool,
) -> None:
    async with bench(STILL) as it:
        before = await it.samples(spaces.COLLECTOR)
        gone, emptied = [e.id for e in it.emulator.world.account.environments][:2]
        it.emulator.world.delete_environment(gone)
        for space in it.emulator.world.account.spaces.of(emptied):
            it.emulator.world.delete_space(space.id)
        if not listed:
            it.emulator.faults.add(Fault("status", "/environments"))
        observed = await it.look(spaces.COLLECTOR)
        counts = {of: one.active for of, one in observed.data.counts.items()}
        assert (observed.error is None) == listed
        if listed:
            assert gone not in counts
            assert counts[emptied] == 0
        else:
            old = before["flatfile_environment_spaces"]
            assert [counts[of] for of in (gone, emptied)] == [old[(gone,)], old[(emptied,)]]


async def test_an_environment_that_fails_is_not_shown_for_longer_once_all_of_them_fail() -> None:
    async with bench(STILL) as it:
        retain = it.settings.collector.retention(it.settings.collector.agents.interval)
        await it.look(agents.COLLECTOR)
        first = next(e.id for e in it.emulator.world.account.environments)
        it.emulator.faults.add(Fault("status", "/agents", environment_id=first))
        await asyncio.sleep(0.8 * retain)
        assert first in (await it.look(agents.COLLECTOR)).data.listings
        it.emulator.faults.add(Fault("status", "/agents"))
        with pytest.raises(RoundError):  # nothing is new, and nothing too old
            await it.look(agents.COLLECTOR)
        await asyncio.sleep(0.3 * retain)
        observed = await it.look(agents.COLLECTOR)
        assert observed.error is not None
        assert first not in observed.data.listings
        assert len(observed.data.listings) == STILL.environments - 1
        await asyncio.sleep(0.8 * retain)
        assert not (await it.look(agents.COLLECTOR)).data.listings
        with pytest.raises(RoundError):
            await it.look(agents.COLLECTOR)
