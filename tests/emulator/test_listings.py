"""The answers about what there is, in the shapes of the documented API."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, World
from exporter.emulator.names import MARKS


async def test_both_base_paths_are_answered(client: httpx.AsyncClient) -> None:
    for base in ("/v1", "/api/v1"):
        answer = await client.get(f"http://flatfile.test{base}/accounts/current")
        assert answer.json()["data"]["id"].startswith("us_acc_")
    assert (await client.get("http://flatfile.test/v2/accounts/current")).status_code == 404


async def test_an_error_comes_in_the_envelope(client: httpx.AsyncClient) -> None:
    answer = await client.get("/agents")
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"message": "environmentId is required"}]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/agents?environmentId=us_env_none", 404),
        ("/agents/us_ag_none", 404),
        ("/spaces/us_sp_none", 404),
        ("/spaces?environmentId=us_env_none", 404),
        ("/environments/us_env_none", 404),
        ("/users/us_usr_none", 404),
        ("/guests/us_g_none", 404),
        ("/guests?spaceId=us_sp_none", 404),
        ("/guests", 400),
        ("/events/us_evt_none", 404),
        ("/events?since=yesterday", 400),
        ("/spaces?archived=perhaps", 400),
        ("/spaces?pageNumber=0", 400),
        ("/spaces?pageSize=-1", 400),
        ("/nowhere", 404),
    ],
)
async def test_wrong_questions_are_refused(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "size"), [("/environments", 10), ("/spaces", 10), ("/users", 20), ("/events", 10)]
)
async def test_pages_have_the_documented_default_sizes(
    client: httpx.AsyncClient, world: World, path: str, size: int
) -> None:
    for _ in range(10):
        world.create_environment()
    assert len((await client.get(path)).json()["data"]) == size


async def test_the_listings_agree_with_the_truth(
    walk: Callable[..., Any], client: httpx.AsyncClient, world: World
) -> None:
    truth = world.truth()
    environments = await walk("/environments", size=2)
    assert [one["id"] for one in environments] == list(truth.environments)
    for id_, expected in truth.environments.items():
        active = await walk("/spaces", size=7, environmentId=id_)
        assert len(active) == expected.active_spaces
        spaces = await walk("/spaces", size=7, environmentId=id_, archived="true")
        assert [space["id"] for space in spaces] == list(expected.space_ids)
        assert sum("archivedAt" in space for space in spaces) == expected.archived_spaces
        assert sum("expiredAt" in space for space in spaces) == expected.expired_spaces
        agents = await walk("/agents", size=2, environmentId=id_)
        assert sum(agent["isSystem"] for agent in agents) == expected.system_agents
        assert sum(not agent["isSystem"] for agent in agents) == expected.agents
        guests = set()
        for space in spaces:
            answer = await client.get("/guests", params={"spaceId": space["id"]})
            assert set(answer.json()) == {"data"}
            guests |= {guest["id"] for guest in answer.json()["data"]}
        assert guests == set(expected.guest_ids)
    assert [user["id"] for user in await walk("/users")] == list(truth.last_seen)


async def test_a_page_of_one_tells_the_total(client: httpx.AsyncClient, world: World) -> None:
    answer = (await client.get("/users", params={"pageSize": 1})).json()
    assert len(answer["data"]) == 1
    count = world.truth().users
    assert answer["pagination"] == {"currentPage": 1, "pageCount": count, "totalCount": count}


async def test_times_have_milliseconds_and_a_z(client: httpx.AsyncClient) -> None:
    for path in ("/spaces", "/users", "/events"):
        for thing in (await client.get(path)).json()["data"]:
            assert len(thing["createdAt"]) == len("2023-11-07T20:46:04.300Z")
            assert thing["createdAt"].endswith("Z")


async def test_a_single_thing_is_the_same_as_in_its_list(client: httpx.AsyncClient) -> None:
    for path in ("/environments", "/spaces", "/users", "/events"):
        first = (await client.get(path)).json()["data"][0]
        assert (await client.get(f"{path}/{first['id']}")).json()["data"] == first


async def test_everything_secret_or_personal_carries_a_canary(
    client: httpx.AsyncClient, world: World
) -> None:
    home = world.environment("production").id
    space = (await client.get("/spaces")).json()["data"][0]
    assert all(any(m in space[key] for m in MARKS) for key in ("accessToken", "guestLink"))
    agent = (await client.get("/agents", params={"environmentId": home})).json()["data"][0]
    assert "CANARY-SOURCE-" in agent["source"]
    assert "CANARY-SOURCE-" in agent["sourceMap"]
    for person in (await client.get("/users")).json()["data"]:
        assert person["email"].endswith("@canary-mail.example")
        assert "Canaryname" in person["name"]
    names = [environment.name for environment in world.account.environments]
    names += [space.name for space in world.account.spaces]
    assert not any(mark in json.dumps(names) for mark in MARKS)


async def test_executions_can_be_counted_by_result(client: httpx.AsyncClient, world: World) -> None:
    query = {"environmentId": world.environment("production").id, "pageSize": "1"}
    counts = {
        wanted: (await client.get("/agents/executions", params=query | extra)).json()
        for wanted, extra in (
            ("all", {}),
            ("good", {"success": "true"}),
            ("bad", {"success": "false"}),
        )
    }
    total = {name: answer["pagination"]["totalCount"] for name, answer in counts.items()}
    assert total["bad"] > 0
    assert total["good"] + total["bad"] == total["all"]


async def test_dangerous_calls_work_and_are_counted(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    agent = next(iter(world.account.agents))
    guest, event = next(iter(world.account.guests)), world.events()[0]
    paths = [
        f"/agents/{agent.id}/versions/us_agv_1/revert",
        f"/guests/{guest.id}/token",
        f"/environments/subscription-token?environmentId={agent.environment_id}",
        f"/subscription?scope={agent.environment_id}",
        f"/auth/api-keys?environmentId={agent.environment_id}",
        "/secrets",
    ]
    assert emulator.dangerous_calls == []
    for path in paths:
        assert (await client.get(path)).status_code == 200
    assert (await client.post(f"/events/{event.id}/ack")).status_code == 200
    assert len(emulator.dangerous_calls) == len(paths) + 1
    changed = world.account.agents.get(agent.id)
    assert changed is not None
    assert changed.version == agent.version + 1


async def test_requests_are_remembered_without_their_token(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    await client.get("/spaces", params={"pageSize": 3})
    (request,) = emulator.requests
    assert (request.method, request.path, request.query) == ("GET", "/spaces", {"pageSize": "3"})
    assert request.status == 200
    assert "CANARY" not in repr(request)
