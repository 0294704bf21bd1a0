"""The emulated account as a world of its own."""

import time
from typing import Any

import pytest

from exporter.emulator import DEMO, Scale, World


def _told(world: World) -> Any:
    return world.truth(), world.events()


def test_the_same_seed_gives_the_same_world(clock: Any) -> None:
    one, other = World(DEMO, 3, clock), World(DEMO, 3, clock)
    clock.now += 1800
    assert _told(one) == _told(other)


def test_another_seed_gives_another_world(clock: Any) -> None:
    assert _told(World(DEMO, 3, clock)) != _told(World(DEMO, 4, clock))


def test_the_world_does_not_depend_on_how_often_it_is_looked_at(clock: Any) -> None:
    often, seldom = World(DEMO, 3, clock), World(DEMO, 3, clock)
    for _ in range(60):
        clock.now += 60
        often.advance()
    assert _told(often) == _told(seldom)


def test_it_has_a_past_and_goes_on(clock: Any, world: World) -> None:
    before = world.truth().events
    assert before == pytest.approx(2 * 3600 / 60 * 30, rel=0.2)
    clock.now += 3600
    assert world.truth().events - before == pytest.approx(3600 / 60 * 30, rel=0.2)


def test_at_rest_nothing_happens_by_itself_and_anything_may_be_done(
    clock: Any, world: World
) -> None:
    clock.now += 60
    world.rest()
    before = world.truth().events
    clock.now += 24 * 3600
    assert world.truth().events == before
    world.add_events(3)
    assert world.truth().events == before + 3


def test_events_are_in_order_of_time_and_never_in_the_future(clock: Any, world: World) -> None:
    clock.now += 600
    times = [event.created_at for event in world.events()]
    assert times == sorted(times)
    assert times[-1] <= clock.now


def test_every_event_has_an_id_of_its_own(clock: Any, world: World) -> None:
    clock.now += 3600
    ids = [event.id for event in world.events()]
    assert len(set(ids)) == len(ids)
    assert all(id_.startswith("us_evt_") and len(id_) == 23 for id_ in ids)


def test_no_agent_and_no_environment_vanishes_by_itself(clock: Any, world: World) -> None:
    before = world.truth().environments
    clock.now += 24 * 3600
    after = world.truth().environments
    assert {k: (v.agent_ids, v.system_agent_ids) for k, v in before.items()} == {
        k: (v.agent_ids, v.system_agent_ids) for k, v in after.items()
    }


def test_the_account_neither_empties_nor_swells_in_a_day(clock: Any) -> None:
    world = World(DEMO, 1, clock)
    clock.now += 24 * 3600
    environments = world.truth().environments.values()
    assert 0.5 * DEMO.spaces < sum(e.active_spaces + e.archived_spaces for e in environments)
    assert sum(e.active_spaces + e.archived_spaces for e in environments) < 2 * DEMO.spaces
    assert 0.3 * DEMO.guests < sum(e.guests for e in environments) < 3 * DEMO.guests


def test_the_demo_has_what_a_visitor_wants_to_see(clock: Any) -> None:
    truth = World(DEMO, 1, clock).truth()
    by_name = {one.name: one for one in truth.environments.values()}
    assert list(by_name) == ["production", "development", "staging", "eu-production", "sandbox"]
    assert by_name["production"].is_prod
    assert not by_name["staging"].is_prod
    assert by_name["sandbox"].agents == by_name["sandbox"].system_agents == 0
    for name in ("production", "development", "staging", "eu-production"):
        assert by_name[name].agents > 0
    assert sum(one.system_agents for one in by_name.values()) > 0
    assert sum(one.archived_spaces for one in by_name.values()) > 0
    assert sum(one.expired_spaces for one in by_name.values()) > 0


def test_users_were_last_seen_at_all_sorts_of_times(clock: Any) -> None:
    seen = World(DEMO, 1, clock).truth().last_seen.values()
    ages = [clock.now - at for at in seen if at is not None]
    assert None in seen
    for least, most in ((0, 1), (1, 7), (7, 30), (30, 400)):
        assert any(least * 86400 < age < most * 86400 for age in ages)


def test_some_guests_belong_to_two_spaces_of_one_environment(world: World) -> None:
    spaces = world.account.spaces
    guests = list(world.account.guests)
    assert any(len(guest.space_ids) > 1 for guest in guests)
    for guest in guests:
        homes = {space.environment_id for id_ in guest.space_ids if (space := spaces.get(id_))}
        assert homes == {guest.environment_id}


def test_an_agent_taken_away_leaves_an_event_and_comes_back(world: World) -> None:
    environment = world.environment("production")
    agents = world.truth().environments[environment.id].agents
    assert world.delete_agents(environment.id) == agents
    assert world.truth().environments[environment.id].agents == 0
    assert len(world.restore_agents(environment.id)) == agents
    truth = world.truth().environments[environment.id]
    assert truth.agents == agents
    assert truth.events["agent:deleted"] == agents
    assert truth.events["agent:created"] == agents


def test_a_deleted_environment_takes_everything_along(world: World) -> None:
    id_ = world.environment("staging").id
    assert world.delete_environment(id_)
    assert id_ not in world.truth().environments
    for shelf in (world.account.spaces, world.account.agents, world.account.guests):
        assert not shelf.of(id_)
    assert world.events(environment_id=id_)[-1].topic == "environment:deleted"


def test_a_space_deleted_with_its_guests_leaves_those_who_have_another(clock: Any) -> None:
    world = World(Scale(spaces=0, guests=0, events_per_minute=0), 1, clock)
    home = world.environment("production").id
    one, other = world.create_space(home).id, world.create_space(home).id
    both, only = world.add_guest(one, other), world.add_guest(one)
    world.delete_space(one)
    assert both in world.account.guests
    assert only not in world.account.guests


def test_events_can_be_added_for_load(world: World, clock: Any) -> None:
    home = world.environment("staging").id
    ids = world.add_events(50, environment_id=home, topic="job:failed", at=clock.now, spread=100)
    kept = {event.id: event for event in world.events(environment_id=home)}
    added = [kept[id_] for id_ in ids]
    assert {event.topic for event in added} == {"job:failed"}
    assert added[0].created_at == clock.now - 98
    assert added[-1].created_at == clock.now


def test_the_past_is_bounded_and_the_count_is_not(clock: Any) -> None:
    world = World(Scale(keep_events=500), 1, clock)
    clock.now += 3600
    truth = world.truth()
    assert truth.events_kept < 700
    assert truth.events > 10_000
    assert len(world.events()) == truth.events_kept


def test_a_frozen_world_changes_nothing_but_its_events(clock: Any) -> None:
    world = World(Scale(rare=0), 1, clock)
    before = world.truth()
    clock.now += 3600
    after = world.truth()
    assert after.events > before.events
    assert [e.space_ids for e in before.environments.values()] == [
        e.space_ids for e in after.environments.values()
    ]
    assert before.last_seen == after.last_seen


def test_a_large_account_is_built_in_seconds(clock: Any) -> None:
    began = time.process_time()
    world = World(Scale(environments=2000, spaces=20_000, guests=2000), 1, clock)
    assert time.process_time() - began < 10
    assert len({e.name for e in world.truth().environments.values()}) == 2000
