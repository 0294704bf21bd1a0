"""Every number equals the account's truth, whatever the server turns out to do.

Each quirk is one unknown of the API notes, set to one of its possible answers.
"""

import asyncio
from typing import Any

import pytest

from exporter.collectors import agents, environments, events, guests, spaces, users
from exporter.emulator import Fault, Quirks
from tests.support.account import BUSY, STILL, Bench, bench, wall

PAGES: list[dict[str, Any]] = [
    {},
    {"pagination_object": False},
    {"page_size_max": 7},
    {"page_size_max": 7, "pagination_object": False},
    {"page_size_max": 7, "page_count_by_asked_size": True},
    {"page_size_max": 20, "page_size_over": "refuse"},
    {"list_order": "created_desc"},
    {"list_order": "id"},
    {"optional_as_null": True},
    {"errors_form": "text"},
    {"errors_form": "array"},
    {"page_zero_based": True},
    {"page_zero_based": True, "page_size_max": 7, "pagination_object": False},
    {"auth_refuses_type": True},
    {"unknown_environment": "empty"},
    {"auth_wrapped": True, "expires_form": "rfc1123", "expires_in_form": "int"},
    {"auth_requires_type": True, "auth_refusal": 400, "expires_form": "garbage"},
]
SPACES: list[dict[str, Any]] = [
    *PAGES,
    {"spaces_archived": "only"},
    {"spaces_archived": "only", "total_honours_archived": False},
    {"total_honours_archived": False},
    {"space_environment_id_missing": True},
    {"space_environment_id_missing": True, "spaces_archived": "only"},
    {"spaces_default_archived": True},
]
AGENTS: list[dict[str, Any]] = [
    *PAGES,
    {"agents_default_includes_system": False},
    {"agents_system_filter_ignored": True},
    {"agents_data_when_empty": "absent"},
    {"agents_data_when_empty": "null"},
]
GUESTS: list[dict[str, Any]] = [
    *PAGES,
    {"guests_account_wide": "allowed"},
    {"guests_account_wide": 403},
    {"guests_account_wide": "empty"},
    {"space_environment_id_missing": True},
]
USERS: list[dict[str, Any]] = [*PAGES, {"users_ignore_paging": "whole"}]


def _name(quirks: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in quirks.items()) or "plain"


@pytest.mark.parametrize("quirks", PAGES, ids=_name)
async def test_environments_are_those_of_the_account(quirks: dict[str, Any]) -> None:
    async with bench(quirks=Quirks(**quirks)) as it:
        seen = await it.samples(environments.COLLECTOR)
        truth = it.emulator.world.truth()
        assert seen["flatfile_environments"][()] == len(truth.environments)
        assert set(seen["flatfile_environment_info"]) == {
            (e.id, e.name, "true" if e.is_prod else "false") for e in truth.environments.values()
        }
        assert set(seen["flatfile_account_info"]) == {(truth.account_id, truth.account_name)}


@pytest.mark.parametrize("quirks", SPACES, ids=_name)
async def test_spaces_are_counted_right_in_every_environment(quirks: dict[str, Any]) -> None:
    async with bench(quirks=Quirks(**quirks)) as it:
        _compare_spaces(it, await it.samples(spaces.COLLECTOR), expired=True)


def _compare_spaces(it: Bench, seen: dict[str, Any], *, expired: bool) -> None:
    truth = it.emulator.world.truth().environments
    assert seen["flatfile_environment_spaces"] == {(e,): t.active_spaces for e, t in truth.items()}
    archived = {(e,): t.archived_spaces for e, t in truth.items()}
    assert seen["flatfile_environment_archived_spaces"] == archived
    if expired:
        found = {(e,): t.expired_spaces for e, t in truth.items()}
        assert seen["flatfile_environment_expired_spaces"] == found


@pytest.mark.parametrize(
    ("quirks", "counted"),
    [
        ({}, True),
        ({"spaces_archived": "only"}, True),
        ({"total_honours_archived": False}, False),
        ({"spaces_archived": "only", "total_honours_archived": False}, False),
        ({"pagination_object": False}, False),
    ],
    ids=str,
)
async def test_where_counting_is_cheaper_it_is_used_only_if_it_can_be_trusted(
    quirks: dict[str, Any], counted: bool
) -> None:
    few_items = {"api": {"page_size": "2"}}
    async with bench(quirks=Quirks(**quirks), settings=few_items) as it:
        # The order in which Spaces are listed must not decide what is believed.
        it.emulator.quirks.list_order = "id"
        observation = await it.look(spaces.COLLECTOR)
        assert ("counted" in observation.plan) == counted
        _compare_spaces(it, await it.samples(spaces.COLLECTOR), expired=not counted)


@pytest.mark.parametrize("page_object", [True, False])
@pytest.mark.parametrize("moment", range(8))
async def test_a_space_that_is_archived_while_it_is_looked_at_is_never_missed(
    page_object: bool, moment: int
) -> None:
    quirks = Quirks(spaces_archived="only", pagination_object=page_object)
    async with bench(quirks=quirks) as it:
        world = it.emulator.world
        space = next(s for s in world.account.spaces if s.archived_at is None)
        await it.look(environments.COLLECTOR)
        it.emulator.faults.add(Fault("latency", "/spaces", delay=1.0))
        looking = asyncio.create_task(it.samples(spaces.COLLECTOR))
        await asyncio.sleep(moment + 0.5)  # after so many answers, and before the next one
        world.archive_space(space.id)
        seen = await looking
        key, truth = (space.environment_id,), world.truth().environments[space.environment_id]
        active = seen["flatfile_environment_spaces"][key]
        archived = seen["flatfile_environment_archived_spaces"][key]
        assert active + archived == truth.active_spaces + truth.archived_spaces
        assert active - truth.active_spaces in {0, 1}


@pytest.mark.parametrize("quirks", AGENTS, ids=_name)
async def test_agents_are_counted_right_and_an_environment_without_one_is_an_explicit_zero(
    quirks: dict[str, Any],
) -> None:
    async with bench(quirks=Quirks(**quirks)) as it:
        seen = await it.samples(agents.COLLECTOR)
        truth = it.emulator.world.truth().environments
        assert seen["flatfile_environment_agents"] == {(e,): t.agents for e, t in truth.items()}
        system = {(e,): t.system_agents for e, t in truth.items()}
        assert seen["flatfile_environment_system_agents"] == system
        assert 0 in seen["flatfile_environment_agents"].values()
        assert {(e, a) for e, a, _, _ in seen["flatfile_agent_info"]} == {
            (e, a) for e, t in truth.items() for a in (*t.agent_ids, *t.system_agent_ids)
        }


@pytest.mark.parametrize("quirks", GUESTS, ids=_name)
async def test_each_guest_counts_once_although_several_spaces_have_it(
    quirks: dict[str, Any],
) -> None:
    async with bench(quirks=Quirks(**quirks)) as it:
        seen = await it.samples(guests.COLLECTOR)
        truth = it.emulator.world.truth().environments
        assert seen["flatfile_environment_guests"] == {(e,): t.guests for e, t in truth.items()}


@pytest.mark.parametrize("quirks", USERS, ids=_name)
async def test_users_are_counted_by_when_they_were_last_seen(quirks: dict[str, Any]) -> None:
    async with bench(quirks=Quirks(**quirks)) as it:
        seen = await it.samples(users.COLLECTOR)
        truth = it.emulator.world.truth()
        assert seen["flatfile_users"][()] == truth.users
        times = [at for at in truth.last_seen.values() if at is not None]
        for label, days in (("24h", 1), ("7d", 7), ("30d", 30)):
            active = sum(1 for at in times if at > wall() - days * 86_400)
            assert seen["flatfile_active_users"][label,] == active


async def test_guests_are_asked_once_where_the_account_may_be_asked() -> None:
    async with bench(quirks=Quirks(guests_account_wide="allowed")) as it:
        await it.look(guests.COLLECTOR)
        assert it.asked("/guests") <= 6


async def test_one_question_an_environment_is_enough_once_system_agents_were_seen() -> None:
    async with bench() as it:
        await it.look(agents.COLLECTOR)
        before = it.asked("/agents")
        await it.look(agents.COLLECTOR)
        assert it.asked("/agents") - before == STILL.environments


async def test_nothing_that_changes_state_or_shows_a_credential_is_ever_asked() -> None:
    async with bench(BUSY, quirks=Quirks(guests_account_wide=403)) as it:
        for collector in (environments, agents, spaces, users, guests, events):
            await it.look(collector.COLLECTOR)
        assert it.emulator.dangerous_calls == []
        assert {request.method for request in it.emulator.requests} == {"GET", "POST"}
        posts = {r.path for r in it.emulator.requests if r.method == "POST"}
        assert posts == {"/auth"}


async def test_space_names_are_shown_only_when_asked_for_and_up_to_the_limit() -> None:
    async with bench() as it:
        assert "flatfile_space_info" not in await it.samples(spaces.COLLECTOR)
    wanted = {"collector": {"spaces": {"info": "true", "info_limit": "10"}}}
    async with bench(settings=wanted) as it:
        observation = await it.look(spaces.COLLECTOR)
        assert observation.truncated
        assert len((await it.samples(spaces.COLLECTOR))["flatfile_space_info"]) == 10
