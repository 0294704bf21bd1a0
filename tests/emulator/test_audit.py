"""What an audit log has to stand: people who change, silent deploys, a source that forgets."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, Fault, World, names
from exporter.emulator.payloads import strange
from exporter.emulator.times import iso

ALL = {"includeAcknowledged": "true"}
TOPICS = (
    "agent:created", "space:created", "document:created", "workbook:created", "flag:created",
    "sheet:updated", "snapshot:created", "records:updated", "file:created", "job:updated",
    "program:created", "commit:created", "layer:created", "secret:created", "environment:updated",
    "action:created", "data-clip:created", "canvas:created", "canvas-area:created",
    "thread:created", "brand:new",
)  # fmt: skip


@pytest.fixture
async def control(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(emulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://t/_control") as speaking:
        yield speaking


async def test_people_come_are_renamed_and_go_without_an_event(
    control: httpx.AsyncClient, client: httpx.AsyncClient, world: World
) -> None:
    before = world.truth().events
    user = (await control.post("/users")).json()["id"]
    first = (await client.get(f"/users/{user}")).json()["data"]
    await control.post(f"/users/{user}/rename")
    second = (await client.get(f"/users/{user}")).json()["data"]
    assert second["name"] != first["name"]
    assert names.PERSON in second["name"]
    await control.post(f"/users/{user}/rename", json={"email": f"new@{names.MAIL_DOMAIN}"})
    third = (await client.get(f"/users/{user}")).json()["data"]
    assert (third["name"], third["email"]) == (second["name"], f"new@{names.MAIL_DOMAIN}")
    assert (await control.post(f"/users/{user}/delete")).json() == {"deleted": 1}
    assert (await client.get(f"/users/{user}")).status_code == 404
    assert (await control.post(f"/users/{user}/rename")).status_code == 404
    assert (await control.post(f"/users/{user}/delete")).status_code == 404
    assert world.truth().events == before


async def test_guests_come_are_renamed_and_go(
    control: httpx.AsyncClient, client: httpx.AsyncClient, world: World
) -> None:
    space = next(iter(world.account.spaces)).id
    guest = (await control.post("/guests", json={"space_ids": [space]})).json()["id"]
    first = (await client.get(f"/guests/{guest}")).json()["data"]
    await control.post(f"/guests/{guest}/rename", json={"name": f"{names.PERSON} other"})
    second = (await client.get(f"/guests/{guest}")).json()["data"]
    assert second["name"] == f"{names.PERSON} other"
    assert second["email"] == first["email"]
    assert (await control.post(f"/guests/{guest}/delete")).json() == {"deleted": 1}
    assert (await control.post(f"/guests/{guest}/delete")).status_code == 404
    assert (await control.post("/guests", json={"space_ids": []})).status_code == 400


async def test_agents_are_deployed_and_removed_with_or_without_an_event(
    control: httpx.AsyncClient, world: World
) -> None:
    async def topics(path: str, **values: Any) -> list[str]:
        before = len(world.events())
        answer = await control.post(path, json=values)
        assert answer.status_code == 200
        return [event.topic for event in world.events()[before:]]

    home = "environments/development/agents"
    environment = world.environment("development").id
    assert await topics(home, slug="loud") == ["agent:created"]
    assert await topics(home, slug="quiet", silent=True) == []
    agents = {agent.slug: agent for agent in world.account.agents.of(environment)}
    quiet = agents["quiet"].id
    assert await topics(f"agents/{quiet}/redeploy", silent=True) == []
    assert await topics(f"agents/{agents['loud'].id}/redeploy") == ["agent:updated"]
    assert await topics(f"agents/{quiet}/delete", silent=True) == []
    assert await topics(f"agents/{agents['loud'].id}/delete") == ["agent:deleted"]
    left = {agent.slug for agent in world.account.agents.of(environment)}
    assert not {"loud", "quiet"} & left


@pytest.mark.parametrize("order", ["newest", "oldest", "id"])
async def test_old_events_are_forgotten_by_age(
    walk: Callable[..., Any], client: httpx.AsyncClient, emulator: Emulator, world: World,
    clock: Any, order: str,
) -> None:  # fmt: skip
    emulator.quirks.set({"events_forgotten_after": 600, "event_order": order})
    clock.now += 1
    shown = {event["id"] for event in await walk("/events", size=100, **ALL)}
    assert shown == {event.id for event in world.events(clock.now - 600)}
    gone = next(event for event in world.events() if event.id not in shown)
    assert (await client.get(f"/events/{gone.id}")).status_code == 404
    since = iso(clock.now - 3600)
    assert len(await walk("/events", size=100, since=since, **ALL)) == len(shown)


async def test_events_before_a_moment_are_forgotten_at_once_and_still_known_here(
    control: httpx.AsyncClient, walk: Callable[..., Any], world: World, clock: Any
) -> None:
    told = len(world.events())
    await control.post("/events/forget", json={"before": clock.now - 60})
    shown = {event["id"] for event in await walk("/events", **ALL)}
    assert shown == {event.id for event in world.events(clock.now - 60)}
    assert len(world.events()) == told
    await control.post("/events/forget")
    assert await walk("/events", since=iso(clock.now - 60), **ALL) == []


def test_how_long_events_are_kept_is_a_number_or_null(emulator: Emulator) -> None:
    emulator.quirks.set({"events_forgotten_after": 5})
    emulator.quirks.set({"events_forgotten_after": None})
    for wrong in (True, "5", [5]):
        with pytest.raises(ValueError, match="events_forgotten_after"):
            emulator.quirks.set({"events_forgotten_after": wrong})


async def test_a_fault_may_meet_deep_or_large_pages_only(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    async def status(**query: int) -> int:
        return (await client.get("/events", params=query)).status_code

    emulator.faults.add(Fault("status", route="/events", min_page=3))
    assert [await status(pageNumber=n) for n in (1, 2, 3, 4)] == [200, 200, 503, 503]
    assert await status() == 200
    emulator.faults.set([Fault.from_json({"kind": "status", "min_size": 50})])
    assert [await status(pageSize=n) for n in (49, 50, 100)] == [200, 503, 503]
    assert await status() == 200


@pytest.mark.parametrize("topic", TOPICS)
async def test_every_kind_of_payload_carries_something_that_must_not_be_kept(
    client: httpx.AsyncClient, world: World, topic: str
) -> None:
    (id_,) = world.add_events(1, topic=topic)
    payload = (await client.get(f"/events/{id_}")).json()["data"]["payload"]
    assert any(mark in json.dumps(payload) for mark in names.MARKS)


async def test_what_the_deeds_say_carries_canaries_too(
    walk: Callable[..., Any], world: World
) -> None:
    space = world.create_space(world.environment("staging").id, "Visible")
    guest = world.add_guest(space.id)
    world.remove_guest(guest)
    world.create_environment("new")
    # The newest of each topic.
    listed = {event["topic"]: event for event in reversed(await walk("/events", **ALL))}
    for topic in ("space:created", "space:guestAdded", "space:guestRemoved", "environment:created"):
        text = json.dumps(listed[topic]["payload"])
        assert any(mark in text for mark in names.MARKS), topic
    assert listed["space:created"]["payload"]["name"] == "Visible"
    assert listed["environment:created"]["payload"]["slug"] == "new"


async def test_strange_payloads_arrive_as_they_are(
    client: httpx.AsyncClient, control: httpx.AsyncClient, world: World
) -> None:
    ids = world.add_strange_events(world.environment("staging").id)
    assert set(ids) == set(strange())
    for name, id_ in ids.items():
        answer = await client.get(f"/events/{id_}")
        answer.content.decode()  # always UTF-8: half a character travels as an escape
        assert json.loads(answer.content)["data"]["payload"] == strange()[name]
    more = (await control.post("/events/strange", json={"environment_id": "staging"})).json()
    assert len(more["ids"]) == len(ids)


async def test_events_come_of_every_kind_of_actor(
    walk: Callable[..., Any], control: httpx.AsyncClient, world: World
) -> None:
    asked = {"environment_id": "production"}
    actors = (await control.post("/events/actors", json=asked)).json()["actors"]
    listed = {event["id"]: event for event in await walk("/events", **ALL)}
    for id_, actor in actors.items():
        assert listed[id_]["context"].get("actorId") == actor
    found = " ".join(actor or "" for actor in actors.values())
    assert None in actors.values()
    for part in ("_usr_", "_g_", "_ag_", "_key_", "_pat_", "robot", "eu0_"):
        assert part in found
    told = {event.id: event.actor_id for event in world.events()}
    assert {id_: told[id_] for id_ in actors} == actors


def test_an_actor_can_be_chosen_for_added_events(world: World) -> None:
    (id_,) = world.add_events(1, actor_id="us_usr_1")
    assert next(event for event in world.events() if event.id == id_).actor_id == "us_usr_1"
