"""The list of events, with everything that nobody knows about it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, Scale, World
from exporter.emulator.times import iso

ALL = {"includeAcknowledged": "true"}


async def test_events_come_without_a_page_object(client: httpx.AsyncClient) -> None:
    assert set((await client.get("/events")).json()) == {"data"}


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
async def test_each_event_comes_once_over_the_pages(
    walk: Callable[..., Any], emulator: Emulator, world: World, order: str
) -> None:
    emulator.quirks.set({"event_order": order})
    listed = await walk("/events", size=100, **ALL)
    told = world.events()
    assert Counter(event["id"] for event in listed) == Counter(event.id for event in told)
    ids = [event["id"] for event in listed]
    expected = {"newest": told[::-1], "oldest": told, "id": sorted(told, key=lambda e: e.id)}
    assert ids == [event.id for event in expected[order]]


async def test_events_of_one_environment_are_its_own(
    walk: Callable[..., Any], world: World
) -> None:
    home = world.environment("development").id
    listed = await walk("/events", size=100, environmentId=home, **ALL)
    assert {event["context"]["environmentId"] for event in listed} == {home}
    counts = Counter(event["topic"] for event in listed)
    assert counts == world.truth().environments[home].events


async def test_since_is_a_lower_bound_that_may_exclude_its_moment(
    walk: Callable[..., Any], emulator: Emulator, world: World
) -> None:
    told = world.events()
    mark = told[-50].created_at
    assert len(await walk("/events", since=iso(mark), **ALL)) == 50
    emulator.quirks.since_inclusive = False
    assert len(await walk("/events", since=iso(mark), **ALL)) == 49
    emulator.quirks.since_ignored = True
    assert len(await walk("/events", size=500, since=iso(mark), **ALL)) == len(told)


async def test_acknowledged_events_are_hidden_unless_asked_for(
    walk: Callable[..., Any], emulator: Emulator, world: World
) -> None:
    shown = await walk("/events", size=500)
    assert 0 < len(shown) < len(world.events())
    assert not any("acknowledgedAt" in event for event in shown)
    emulator.quirks.include_acknowledged_default = True
    assert len(await walk("/events", size=500)) == len(world.events())


async def test_a_late_event_is_seen_only_after_its_delay(
    walk: Callable[..., Any], emulator: Emulator, world: World, clock: Any
) -> None:
    emulator.quirks.set({"late_share": 0.5, "late_seconds": 40})
    added = set(world.add_events(100))
    early = {event["id"] for event in await walk("/events", size=500, **ALL)}
    assert 20 < len(added & early) < 80
    clock.now += 40
    assert added <= {event["id"] for event in await walk("/events", size=500, **ALL)}


async def test_repeated_events_come_on_two_places(
    walk: Callable[..., Any], emulator: Emulator, world: World
) -> None:
    emulator.quirks.repeated_events = 0.2
    counts = Counter(event["id"] for event in await walk("/events", **ALL))
    assert set(counts) == {event.id for event in world.events()}
    assert set(counts.values()) == {1, 2}


async def test_shuffled_events_change_their_order_with_every_request(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.quirks.event_order = "shuffled"
    one = (await client.get("/events", params=ALL)).json()
    assert one != (await client.get("/events", params=ALL)).json()


async def test_the_account_wide_question_may_be_refused(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    emulator.quirks.events_account_wide = 403
    assert (await client.get("/events")).status_code == 403
    home = world.environment("staging").id
    assert (await client.get("/events", params={"environmentId": home})).status_code == 200


async def test_a_context_may_lack_the_environment(
    walk: Callable[..., Any], emulator: Emulator
) -> None:
    emulator.quirks.event_context_missing = 0.3
    listed = await walk("/events", size=500, **ALL)
    bare = [event for event in listed if "environmentId" not in event["context"]]
    assert 0.2 * len(listed) < len(bare) < 0.4 * len(listed)


async def test_unknown_topics_appear_only_when_asked_for(
    client: httpx.AsyncClient, emulator: Emulator, world: World, clock: Any
) -> None:
    odd = {"workspace:synced", "agent:healed", "cron:hourly", "space:unarchived", "no-colon"}
    clock.now += 600
    assert not odd & {event.topic for event in world.events()}
    emulator.quirks.unknown_topics = True
    clock.now += 3600
    await client.get("/events")
    assert odd & {event.topic for event in world.events()}


async def test_jobs_and_topics_can_be_filtered(walk: Callable[..., Any], world: World) -> None:
    count = sum(event.topic == "job:failed" for event in world.events())
    assert len(await walk("/events", topic="job:failed", **ALL)) == count
    assert len(await walk("/jobs")) == sum(e.topic == "job:created" for e in world.events())


async def test_a_deep_page_of_a_long_past_is_cut_out_quickly(clock: Any) -> None:
    world = World(Scale(events_per_minute=0), 1, clock)
    world.add_events(20_000, spread=3600)
    emulator = Emulator(world)
    assert len(world.events()) == 20_000
    transport = httpx.ASGITransport(emulator)
    headers = {"Authorization": f"Bearer {emulator.credentials.pat}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://flatfile.test/v1", headers=headers
    ) as client:
        params = ALL | {"pageSize": "100", "pageNumber": "200"}
        page = (await client.get("/events", params=params)).json()["data"]
    assert page[-1]["id"] == world.events()[0].id
