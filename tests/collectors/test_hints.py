"""What events hint at, and how the end of the feed is watched."""

import asyncio
from collections.abc import Sequence
from typing import get_args

import pytest
from pydantic import TypeAdapter

from exporter.collectors.hints import Hearing, Hints
from exporter.collectors.watch import Watch
from exporter.emulator import Quirks
from exporter.emulator.quirks import EventOrder
from exporter.flatfile.models import Event, instant
from exporter.flatfile.topics import TOPICS
from tests.support.account import STILL, bench

OLD, NEW = "2027-01-15T07:59:59Z", "2027-01-15T08:00:00Z"
NOW = instant(NEW)
_EVENT = TypeAdapter(Event)


def event(topic: str, environment_id: str = "us_env_1", at: str = NEW, **fields: object) -> Event:
    """As the API gives it; without an environment in its context if there is none."""
    return _EVENT.validate_python(
        {
            "id": f"us_evt_{topic}_{environment_id}",
            "topic": topic,
            "createdAt": at,
            "context": {"environmentId": environment_id} if environment_id else {},
            **fields,
        }
    )


def test_only_what_changes_something_shown_is_a_hint() -> None:
    hints = {topic: Hearing(NOW).hear([event(topic)]) for topic in TOPICS}
    assert {topic for topic, hint in hints.items() if hint.agents} == {
        "agent:created",
        "agent:updated",
        "agent:deleted",
    }
    assert {topic for topic, hint in hints.items() if hint.spaces} == {
        "space:created",
        "space:deleted",
        "space:archived",
        "space:unarchived",
        "space:expired",
    }
    listed = {topic for topic, hint in hints.items() if hint.environments}
    assert listed == {topic for topic in TOPICS if topic.startswith("environment:")}


def test_an_event_is_heard_once_and_not_if_it_was_before() -> None:
    hearing = Hearing(NOW)
    deleted = event("agent:deleted")
    assert hearing.hear([deleted, deleted]).agents == {"us_env_1"}
    assert hearing.hear([deleted]) == Hints()
    assert not hearing.hear([event("agent:deleted", "us_env_2", at=OLD)])


def test_the_environment_is_taken_from_context_payload_or_question() -> None:
    told = event("agent:deleted", "", payload={"environmentId": "us_env_p"})
    silent = event("agent:deleted", "")
    assert Hearing(NOW).hear([told]).agents == {"us_env_p"}
    assert Hearing(NOW).hear([silent], "us_env_q").agents == {"us_env_q"}
    assert not Hearing(NOW).hear([silent]).agents


@pytest.mark.parametrize("payload", [None, [], "x", {"environmentId": 5}, {"environmentId": None}])
def test_a_payload_may_be_anything(payload: object) -> None:
    assert event("agent:deleted", "", payload=payload).environment_id == ""


@pytest.mark.parametrize("order", sorted(get_args(EventOrder)))
async def test_a_quiet_feed_costs_a_question_a_look_and_nothing_new_is_missed(order: str) -> None:
    async with bench(STILL, quirks=Quirks(event_order=order)) as it:  # type: ignore[arg-type] # one of them
        world = it.emulator.world
        watch = Watch(world.now())
        for _ in range(10):
            await asyncio.sleep(5)
            (new,) = world.add_events(1, topic="agent:deleted")
            before = it.asked("/events")
            assert new in _ids(await watch.look(it.session.flatfile, world.now()))
            assert it.asked("/events") == before + 1


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_a_burst_is_read_whole_and_a_flood_is_left_to_the_rounds(order: str) -> None:
    async with bench(STILL, quirks=Quirks(event_order=order)) as it:  # type: ignore[arg-type] # one of them
        world = it.emulator.world
        watch = Watch(world.now())
        await asyncio.sleep(5)
        burst = world.add_events(450, spread=4.0)
        found = _ids(await watch.look(it.session.flatfile, world.now()))
        assert set(burst) <= set(found)
        await asyncio.sleep(60)
        world.add_events(5_000, spread=50.0)
        before = it.asked("/events")
        await watch.look(it.session.flatfile, world.now())
        assert it.asked("/events") - before <= 20
        await asyncio.sleep(30)
        (new,) = world.add_events(1)
        assert new in _ids(await watch.look(it.session.flatfile, world.now()))


async def test_a_server_whose_clock_is_slow_is_watched_all_the_same() -> None:
    async with bench(STILL) as it:
        world = it.emulator.world
        watch = Watch(world.now() + 200 - 300)
        for _ in range(3):
            await asyncio.sleep(5)
            (new,) = world.add_events(1)
            assert new in _ids(await watch.look(it.session.flatfile, world.now() + 200))


def _ids(events: Sequence[Event]) -> list[str]:
    return [one.id for one in events]
