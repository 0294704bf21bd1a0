"""Each unknown of the API as a choice."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, Quirks, World
from exporter.emulator.quirks import WrongQuirk
from tests.emulator.conftest import Clock


async def _get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    return (await client.get(path, params=query)).json()


async def test_the_page_object_may_be_missing_here_or_everywhere(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.quirks.pagination_object = frozenset({"/users"})
    assert "pagination" in await _get(client, "/users")
    assert "pagination" not in await _get(client, "/spaces")
    emulator.quirks.pagination_object = False
    assert "pagination" not in await _get(client, "/users")


async def test_a_large_page_may_be_clamped_or_refused(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    emulator.quirks.page_size_max = 5
    answer = await _get(client, "/users", pageSize=10)
    assert len(answer["data"]) == 5
    assert answer["pagination"]["pageCount"] == world.truth().users / 5
    emulator.quirks.page_count_by_asked_size = True
    answer = await _get(client, "/users", pageSize=10)
    assert answer["pagination"]["pageCount"] == -(-world.truth().users // 10)
    emulator.quirks.page_size_over = "refuse"
    assert (await client.get("/users", params={"pageSize": 6})).status_code == 400


async def test_pages_may_be_counted_from_zero(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    first = await _get(client, "/users", pageNumber=1)
    emulator.quirks.page_zero_based = True
    assert (await _get(client, "/users", pageNumber=0))["data"] == first["data"]


async def test_an_old_server_gives_the_same_users_on_every_page(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    emulator.quirks.users_ignore_paging = "whole"
    answer = await _get(client, "/users", pageSize=3, pageNumber=4)
    assert set(answer) == {"data"}
    assert len(answer["data"]) == world.truth().users
    emulator.quirks.users_ignore_paging = "first"
    assert len((await _get(client, "/users", pageNumber=9))["data"]) == 20


async def test_lists_come_in_the_chosen_order(walk: Callable[..., Any], emulator: Emulator) -> None:
    created = [space["id"] for space in await walk("/spaces", archived="true")]
    emulator.quirks.list_order = "created_desc"
    assert [space["id"] for space in await walk("/spaces", archived="true")] == created[::-1]
    emulator.quirks.list_order = "id"
    assert [space["id"] for space in await walk("/spaces", archived="true")] == sorted(created)
    emulator.quirks.list_order = "random"
    assert [space["id"] for space in await walk("/spaces", archived="true")] != created


async def test_archived_may_mean_only_or_nothing(
    walk: Callable[..., Any], emulator: Emulator, world: World
) -> None:
    truth = world.truth().environments.values()
    archived, active = sum(e.archived_spaces for e in truth), sum(e.active_spaces for e in truth)
    emulator.quirks.spaces_archived = "only"
    assert len(await walk("/spaces", archived="true")) == archived
    assert len(await walk("/spaces", archived="false")) == active
    emulator.quirks.spaces_archived = "ignored"
    assert len(await walk("/spaces", archived="false")) == active + archived
    emulator.quirks.set({"spaces_archived": "include", "spaces_default_archived": True})
    assert len(await walk("/spaces")) == active + archived


async def test_the_total_may_count_what_is_not_shown(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    emulator.quirks.total_honours_archived = False
    total = (await _get(client, "/spaces"))["pagination"]["totalCount"]
    assert total == len(world.account.spaces)


async def test_a_space_may_not_say_where_it_belongs(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.quirks.space_environment_id_missing = True
    assert all("environmentId" not in space for space in (await _get(client, "/spaces"))["data"])


async def test_system_agents_may_be_listed_or_not(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    home = world.environment("production").id
    truth = world.truth().environments[home]

    async def count(**query: str) -> int:
        return len((await _get(client, "/agents", environmentId=home, **query))["data"])

    both = truth.agents + truth.system_agents
    assert await count() == both
    assert await count(isSystem="true") == truth.system_agents
    assert await count(isSystem="false") == truth.agents
    emulator.quirks.agents_default_includes_system = False
    assert await count() == truth.agents
    emulator.quirks.agents_system_filter_ignored = True
    assert await count(isSystem="false") == both


@pytest.mark.parametrize(("form", "data"), [("empty", []), ("null", None), ("absent", "absent")])
async def test_an_environment_without_agents_may_have_no_data(
    client: httpx.AsyncClient, emulator: Emulator, world: World, form: str, data: Any
) -> None:
    emulator.quirks.set({"agents_data_when_empty": form})
    home = world.environment("sandbox").id
    assert (await _get(client, "/agents", environmentId=home)).get("data", "absent") == data


async def test_all_guests_may_be_listed_refused_or_lost(
    client: httpx.AsyncClient, emulator: Emulator, world: World
) -> None:
    assert (await client.get("/guests")).status_code == 400
    emulator.quirks.guests_account_wide = "allowed"
    assert len((await _get(client, "/guests"))["data"]) == len(world.account.guests)
    emulator.quirks.guests_account_wide = "empty"
    assert (await _get(client, "/guests"))["data"] == []
    emulator.quirks.guests_account_wide = 403
    assert (await client.get("/guests")).status_code == 403


async def test_optional_fields_may_be_null(client: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.quirks.optional_as_null = True
    assert (await _get(client, "/environments"))["data"][0]["languageOverride"] is None


async def test_the_current_environment_of_an_account_token_is_uncertain(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    assert (await client.get("/environments/current")).status_code == 400
    emulator.quirks.environments_current = "first"
    assert (await _get(client, "/environments/current"))["data"]["name"] == "production"


async def test_routes_may_be_forbidden(client: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.quirks.forbid_routes = {"/users*": 403}
    assert (await client.get("/users")).status_code == 403
    assert (await client.get("/spaces")).status_code == 200


async def test_everything_may_be_somewhere_else(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.quirks.redirect = "http://elsewhere.example/v1"
    answer = await client.get("/users")
    assert answer.status_code == 307
    assert answer.headers["location"] == "http://elsewhere.example/v1/users"


async def test_an_error_may_be_a_bare_array_or_text(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.quirks.errors_form = "array"
    assert await _get(client, "/agents") == [{"message": "environmentId is required"}]
    emulator.quirks.errors_form = "text"
    assert (await client.get("/agents")).text == "environmentId is required"


@pytest.mark.parametrize(
    "wrong",
    [
        {"no_such_quirk": 1},
        {"event_order": "sideways"},
        {"auth_wrapped": "yes"},
        {"page_size_max": "five"},
        {"pagination_object": "/users"},
        {"late_share": True},
        {"auth_refusal": True},
    ],
)
def test_a_wrong_quirk_changes_nothing(wrong: dict[str, Any]) -> None:
    quirks = Quirks()
    with pytest.raises(WrongQuirk, match=next(iter(wrong))):
        quirks.set({"token_lifetime": 60} | wrong)
    assert quirks == Quirks()


def test_quirks_survive_a_journey_through_json() -> None:
    quirks = Quirks(pagination_object=frozenset({"/users"}), late_share=0.5)
    other = Quirks()
    other.set(quirks.as_json())
    assert other == quirks
    other.reset()
    assert other == Quirks()


async def test_more_than_so_many_answers_in_a_second_may_be_refused(
    client: httpx.AsyncClient, emulator: Emulator, clock: Clock
) -> None:
    emulator.quirks.set({"rate_limit": 3})
    assert [(await client.get("/users")).status_code for _ in range(5)] == [200] * 3 + [429] * 2
    emulator.quirks.rate_limit_retry_after = "20"
    clock.now += 0.5
    assert (await client.get("/users")).headers["retry-after"] == "20"
    clock.now += 0.6
    assert [(await client.get("/users")).status_code for _ in range(4)] == [200] * 3 + [429]
    emulator.quirks.rate_limit = None
    assert (await client.get("/users")).status_code == 200


@pytest.mark.parametrize("chosen", [True, False])
def test_a_page_object_may_be_everywhere_or_nowhere_by_json(chosen: bool) -> None:
    quirks = Quirks()
    quirks.set({"pagination_object": chosen})
    assert quirks.paginates("/users") is chosen
