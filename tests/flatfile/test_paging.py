"""Listings are right under every unknown of the API notes, sections 4 and 4.1."""

import asyncio
import json
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any, Literal

import httpx
import pytest

from exporter.emulator import Emulator, Fault, World
from exporter.emulator.asgi import Receive, Scope, Send
from exporter.errors import BadRequest, ListChanged, Malformed, NotFound, TooLarge
from exporter.flatfile import reading
from exporter.flatfile.session import Session
from tests.flatfile.conftest import Opening, Peer

Over = Literal["clamp", "refuse"]


class Meddling:
    """The emulator, with something done to its world before chosen requests for Spaces."""

    def __init__(self, emulator: Emulator, meddle: Callable[[int], None]) -> None:
        self._emulator = emulator
        self._meddle = meddle
        self._seen = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/spaces"):
            self._meddle(next(self._seen))
        await self._emulator(scope, receive, send)


def space_ids(world: World) -> set[str]:
    return {id_ for one in world.truth().environments.values() for id_ in one.space_ids}


def asked(emulator: Emulator, path: str) -> list[dict[str, str]]:
    return [request.query for request in emulator.requests if request.path == path]


@pytest.mark.parametrize("page_object", [True, False])
@pytest.mark.parametrize("largest", [None, 100, 60, 50, 7])
@pytest.mark.parametrize("over", ["clamp", "refuse"])
@pytest.mark.parametrize("by_asked_size", [True, False])
@pytest.mark.parametrize("zero_based", [True, False])
async def test_a_listing_is_whole_whatever_the_server_makes_of_pages(
    session: Session,
    emulator: Emulator,
    world: World,
    page_object: bool,
    largest: int | None,
    over: Over,
    by_asked_size: bool,
    zero_based: bool,
) -> None:
    quirks = emulator.quirks
    quirks.pagination_object = page_object
    quirks.page_size_max = largest
    quirks.page_size_over = over
    quirks.page_count_by_asked_size = by_asked_size
    quirks.page_zero_based = zero_based
    if over == "refuse" and largest == 7:
        quirks.page_size_max = 10  # the server's own default is 10: it cannot refuse that
    for _ in range(2):  # the second time with what was learned
        spaces = await session.flatfile.spaces(archived=True)
        assert len(spaces) == len(space_ids(world))
        assert {space.id for space in spaces} == space_ids(world)


@pytest.mark.parametrize("order", ["created", "created_desc", "id"])
@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.parametrize("page_object", [True, False])
async def test_the_order_and_a_count_of_what_is_hidden_do_not_matter(
    session: Session, emulator: Emulator, world: World, order: Any, honours: bool, page_object: bool
) -> None:
    for id_ in sorted(space_ids(world))[:5]:
        world.archive_space(id_)
    emulator.quirks.list_order = order
    emulator.quirks.total_honours_archived = honours
    emulator.quirks.pagination_object = page_object
    spaces = await session.flatfile.spaces(archived=False)
    truth = world.truth().environments.values()
    assert len(spaces) == sum(one.active_spaces for one in truth)


async def test_an_order_that_changes_with_every_question_is_a_failure_and_no_number(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.list_order = "random"
    with pytest.raises(ListChanged, match="/spaces"):
        await session.flatfile.spaces(archived=True)
    assert session.usage.reading().retries["list_changed"] == 3


@pytest.mark.parametrize("page_object", [True, False])
@pytest.mark.parametrize("order", ["created", "created_desc"])
@pytest.mark.parametrize("at", [2, 3, 4])
@pytest.mark.parametrize("deed", ["create", "delete_first", "delete_last"])
async def test_a_change_while_the_pages_are_read_does_not_make_half_a_listing(
    opened: Opening,
    emulator: Emulator,
    world: World,
    page_object: bool,
    order: Any,
    at: int,
    deed: str,
) -> None:
    emulator.quirks.pagination_object = page_object
    emulator.quirks.list_order = order

    def meddle(number: int) -> None:
        if number != at:
            return
        spaces = list(world.account.spaces)
        if deed == "create":
            world.create_space(spaces[0].environment_id)
        else:
            world.delete_space(spaces[0 if deed == "delete_first" else -1].id)

    session = opened(transport=httpx.ASGITransport(Meddling(emulator, meddle)))
    before = space_ids(world)
    found = {space.id for space in await session.flatfile.spaces(archived=True)}
    # As it was at one moment; a change behind the last page that was read is seen next time.
    assert found in (before, space_ids(world))


async def test_what_goes_from_a_middle_page_is_noticed_by_the_count(
    opened: Opening, emulator: Emulator, world: World
) -> None:
    def meddle(number: int) -> None:
        if number == 3:  # after the second page: it takes the first item of the third one with it
            world.delete_space(list(world.account.spaces)[150].id)

    session = opened(transport=httpx.ASGITransport(Meddling(emulator, meddle)), concurrency=1)
    found = {space.id for space in await session.flatfile.spaces(archived=True)}
    assert found == space_ids(world)


async def test_an_id_on_two_pages_is_noticed_without_a_count(opened: Opening) -> None:
    before = {None: "ab", "1": "ab", "2": "cd", "3": "de"}  # before "3", x came in before c
    after = {None: "ab", "1": "ab", "2": "xc", "3": "de"}
    readings = iter([before, after, after])
    now: dict[str | None, str] = {}

    def answer(_: str, query: dict[str, str]) -> str:
        nonlocal now
        number = query.get("pageNumber")
        if number is None:
            now = next(readings)
        return json.dumps({"data": [{"id": id_} for id_ in now.get(number, "")]})

    users = await opened(transport=Peer(answer).transport, page_size=2).flatfile.users()
    assert [user.id for user in users] == list("abxcde")


async def test_a_listing_that_never_stands_still_is_given_up(
    opened: Opening, emulator: Emulator, world: World
) -> None:
    environment = next(iter(world.account.environments)).id
    emulator.quirks.list_order = "created_desc"

    def meddle(_: int) -> None:
        world.create_space(environment)

    transport = httpx.ASGITransport(Meddling(emulator, meddle))
    with pytest.raises(ListChanged):
        await opened(transport=transport).flatfile.spaces(archived=True)


@pytest.mark.parametrize(("ignoring", "expected"), [("whole", 130), ("first", 20)])
async def test_an_old_server_that_ignores_paging_ends_the_walk(
    session: Session, emulator: Emulator, ignoring: Any, expected: int
) -> None:
    emulator.quirks.users_ignore_paging = ignoring
    assert len(await session.flatfile.users()) == expected
    assert len(asked(emulator, "/users")) <= 4


async def test_the_pages_after_the_first_are_asked_at_once_and_the_first_again(
    session: Session, emulator: Emulator
) -> None:
    await session.flatfile.spaces(archived=True)
    numbers = [query.get("pageNumber") for query in asked(emulator, "/spaces")]
    assert numbers == [None, "2", "3", None]


async def test_one_page_with_a_page_object_costs_one_question(
    session: Session, emulator: Emulator
) -> None:
    await session.flatfile.environments()
    assert len(asked(emulator, "/environments")) == 1


async def test_the_page_size_that_works_is_remembered_for_its_route(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.page_size_max = 25
    emulator.quirks.page_size_over = "refuse"
    await session.flatfile.users()
    sizes = [query.get("pageSize") for query in asked(emulator, "/users")]
    assert sizes[:3] == ["100", "50", "20"]
    await session.flatfile.users()
    assert set(sizes[2:]) == {"20"}
    assert session.usage.reading().retries["page_size"] == 2


async def test_a_page_size_that_is_never_accepted_is_left_out(
    session: Session, emulator: Emulator, world: World
) -> None:
    environment = next(iter(world.account.environments)).id
    emulator.quirks.page_size_max = 9
    emulator.quirks.page_size_over = "refuse"
    with pytest.raises(BadRequest):  # this server refuses its own default too
        await session.flatfile.agents(environment)
    sizes = [query.get("pageSize") for query in asked(emulator, "/agents")]
    assert sizes == ["100", "50", "20", "10", None]
    with pytest.raises(BadRequest):
        await session.flatfile.agents(environment)
    assert len(asked(emulator, "/agents")) == 6  # a refusal about something else is not laddered


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("huge", route="/users", count=2, megabytes=33))
    assert len(await session.flatfile.users()) == 130
    sizes = [query.get("pageSize") for query in asked(emulator, "/users")]
    assert sizes[:3] == ["100", "50", "20"]


async def test_pages_that_are_always_too_large_are_a_failure(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("huge", route="/users", megabytes=33))
    with pytest.raises(TooLarge, match="32 MiB"):
        await session.flatfile.users()


@pytest.mark.parametrize("absence", ["absent", "null", "empty"])
async def test_no_data_means_no_agents(
    session: Session, emulator: Emulator, world: World, absence: Any
) -> None:
    environment = world.create_environment("bare").id
    emulator.quirks.agents_data_when_empty = absence
    assert await session.flatfile.agents(environment) == ()


@pytest.mark.parametrize("body", ["{}", '{"data":null}'])
async def test_no_data_elsewhere_is_malformed(opened: Opening, body: str) -> None:
    flatfile = opened(transport=Peer(lambda *_: body).transport).flatfile
    for question in (flatfile.users, flatfile.guests, flatfile.environments):
        with pytest.raises(Malformed, match="without data"):
            await question()


@pytest.mark.parametrize(
    "page_object",
    ['{"currentPage":1,"pageCount":1000000000,"totalCount":9}', '{"totalCount":1000000000000}'],
)
async def test_a_promise_of_endless_pages_is_malformed(opened: Opening, page_object: str) -> None:
    peer = Peer(lambda *_: f'{{"data":[{{"id":"u"}}],"pagination":{page_object}}}')
    with pytest.raises(Malformed, match="more pages"):
        await opened(transport=peer.transport).flatfile.users()
    assert len(peer.asked) == 1


async def test_a_server_that_ignores_numbers_is_not_asked_for_all_that_it_promises(
    opened: Opening,
) -> None:
    page = '{"currentPage":1,"pageCount":90000,"totalCount":90000}'
    peer = Peer(lambda *_: f'{{"data":[{{"id":"u"}}],"pagination":{page}}}')
    with pytest.raises(Malformed, match="ignores pageNumber"):
        await opened(transport=peer.transport).flatfile.users()
    assert len(peer.asked) < 20


async def test_a_server_that_invents_items_does_not_fill_memory(
    opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_ITEMS", 50)  # a constant; a million would take a minute
    page = '{"currentPage":1,"pageCount":90000,"totalCount":40}'

    def answer(_: str, query: dict[str, str]) -> str:
        number = query.get("pageNumber", "1")
        users = ",".join(f'{{"id":"u{number}.{each}"}}' for each in range(10))
        return f'{{"data":[{users}],"pagination":{page}}}'

    peer = Peer(answer)
    with pytest.raises(Malformed, match="more pages"):
        await opened(transport=peer.transport).flatfile.users()
    assert len(peer.asked) < 20


async def test_a_server_with_more_than_it_shows_is_malformed(opened: Opening) -> None:
    page = '{"currentPage":1,"pageCount":3,"totalCount":3}'
    peer = Peer(lambda *_: f'{{"data":[{{"id":"u"}}],"pagination":{page}}}')
    with pytest.raises(Malformed, match="ignores pageNumber"):
        await opened(transport=peer.transport).flatfile.users()


async def test_one_bad_item_spoils_the_listing_and_its_value_is_not_shown(opened: Opening) -> None:
    good = '{"id":"g","environmentId":"e"}'
    peer = Peer(lambda *_: f'{{"data":[{good},{{"environmentId":"e","id":["CANARY"]}}]}}')
    session = opened(transport=peer.transport)
    with pytest.raises(Malformed, match=r"/guests .* data\.1\.id \(string_type\)") as caught:
        await session.flatfile.guests()
    assert "CANARY" not in str(caught.value)
    assert session.usage.reading().up is True  # it is the API; only the shape is new


async def test_the_first_page_and_the_count_cost_one_question_each(
    session: Session, emulator: Emulator, world: World
) -> None:
    first = await session.flatfile.spaces_first_page(archived=True)
    assert (len(first.spaces), first.pages, first.total) == (100, 3, 240)
    environment, truth = next(iter(world.truth().environments.items()))
    counted = await session.flatfile.count_spaces(environment, archived=False)
    assert counted == truth.active_spaces
    emulator.quirks.pagination_object = False
    assert await session.flatfile.count_spaces(environment, archived=False) is None
    first = await session.flatfile.spaces_first_page(archived=True)
    assert (len(first.spaces), first.pages, first.total) == (100, None, None)
    assert len(asked(emulator, "/spaces")) == 4


async def test_agents_are_filtered_and_a_missing_environment_is_not_found(
    session: Session, world: World
) -> None:
    environment, truth = next(iter(world.truth().environments.items()))
    own = await session.flatfile.agents(environment, system=False)
    assert {agent.id for agent in own} == set(truth.agent_ids)
    every = await session.flatfile.agents(environment)
    assert {agent.id for agent in every} == {*truth.agent_ids, *truth.system_agent_ids}
    with pytest.raises(NotFound):
        await session.flatfile.agents("us_env_gone")


async def test_guests_come_by_space_or_for_the_account_where_that_is_allowed(
    session: Session, emulator: Emulator, world: World
) -> None:
    truth = world.truth().environments.values()
    with pytest.raises(BadRequest):
        await session.flatfile.guests()
    emulator.quirks.guests_account_wide = "allowed"
    assert len(await session.flatfile.guests()) == sum(one.guests for one in truth)
    space = next(space for space in world.account.spaces if world.account.guests.of(space.id))
    assert len(await session.flatfile.guests(space.id)) == len(world.account.guests.of(space.id))
    assert all("pageSize" not in query for query in asked(emulator, "/guests"))


@pytest.mark.parametrize("status", [200, 202])
async def test_errors_in_the_place_of_agents_are_no_answer_that_there_are_none(
    session: Session, emulator: Emulator, world: World, status: int
) -> None:
    environment = next(iter(world.account.environments)).id
    emulator.faults.add(Fault("status", "/agents", status=status))
    with pytest.raises(Malformed, match="without data"):
        await session.flatfile.agents(environment)


async def test_a_part_of_an_answer_is_none(
    session: Session, emulator: Emulator, world: World
) -> None:
    environment = next(iter(world.account.environments)).id
    emulator.faults.add(Fault("status", "/agents", status=206))
    with pytest.raises(Malformed, match="answered 206"):
        await session.flatfile.agents(environment)


def _sizes(emulator: Emulator) -> list[int]:
    return [int(query.get("pageSize", 0)) for query in asked(emulator, "/spaces")]


@pytest.mark.parametrize(("refused", "works"), [(1, 50), (2, 20), (3, 10), (4, 0)])
async def test_a_page_size_refused_in_passing_is_tried_again_after_an_hour(
    session: Session, emulator: Emulator, refused: int, works: int
) -> None:
    emulator.faults.add(Fault("status", "/spaces", status=400, count=refused))
    await session.flatfile.spaces(archived=True)
    await asyncio.sleep(3_500)
    emulator.requests.clear()
    await session.flatfile.spaces(archived=True)
    assert set(_sizes(emulator)) == {works}
    await asyncio.sleep(3_700)
    for _ in range(4):
        emulator.requests.clear()
        await session.flatfile.spaces(archived=True)
    assert set(_sizes(emulator)) == {100}


@pytest.mark.parametrize("fault", ["refuse", "too large"])
async def test_a_page_size_that_stays_refused_is_tried_more_and_more_rarely(
    session: Session, emulator: Emulator, fault: str
) -> None:
    if fault == "refuse":
        emulator.quirks.page_size_max, emulator.quirks.page_size_over = 25, "refuse"
    else:
        emulator.faults.add(Fault("huge", "/spaces", min_size=21, megabytes=40))
    first = len(await session.flatfile.spaces(archived=True))
    attempts = []
    for hour in range(4 * 24 * 2):
        emulator.requests.clear()
        assert len(await session.flatfile.spaces(archived=True)) == first
        tried = sum(size > 20 for size in _sizes(emulator))
        assert tried <= 1
        attempts += [hour / 2] * tried
        await asyncio.sleep(1_800)
    apart = [later - sooner for sooner, later in pairwise(attempts)]
    assert apart == sorted(apart)
    assert apart[0] <= 2.5
    assert apart[-1] == 24.0
    assert len(attempts) <= 9


async def test_many_who_ask_at_once_try_a_larger_page_only_once(
    opened: Opening, emulator: Emulator
) -> None:
    session = opened()
    emulator.quirks.page_size_max, emulator.quirks.page_size_over = 25, "refuse"
    await session.flatfile.spaces(archived=True)
    await asyncio.sleep(7_200)
    emulator.requests.clear()
    await asyncio.gather(*(session.flatfile.spaces(archived=True) for _ in range(8)))
    assert sum(size > 20 for size in _sizes(emulator)) == 1
