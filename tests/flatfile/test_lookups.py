"""One thing by its id, without its secrets, and nothing but an id of such a thing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.emulator import Emulator, World
from exporter.emulator.names import MARKS, PERSON, SECRET, SOURCE
from exporter.errors import NotFound, RoundError
from exporter.flatfile.routes import Lookup, Place
from exporter.flatfile.session import Session
from tests.flatfile.conftest import Opening, Peer

ELSEWHERE = (
    "us_g_1/token",
    "us_ag_1/versions/us_agv_1/revert",
    "us_usr_1/roles",
    "us_usr_1/api-token",
    "us_usr_1/resend-invite",
    "us_g_1%2Ftoken",
    "us_g_1?spaceId=x",
    "us_g_1#",
    "us_g_1\\token",
    "us_g_1/",
    "us_g_1\n",
    "us_g_1\r\nHost: elsewhere.example",
    "us_g_",
    "_g_1",
    "us_g_ü",
    "us_g_１",  # noqa: RUF001 - a digit, but not one of ASCII
    "..",
    ".",
    "../secrets",
    "us_g_../../secrets",
    "token",
    "invite",
    "executions",
    "logs",
    "current",
    "subscription-token",
    "",
    "us_key_1",
    "us_g_" + "x" * 65,
)
WORDS = st.text() | st.sampled_from(ELSEWHERE) | st.from_regex(r"us_(g|usr|ag|sp)_[a-z/.%?]+")


async def test_things_are_found_by_their_ids(session: Session, world: World) -> None:
    account = world.account
    user, guest = next(iter(account.users)), next(iter(account.guests))
    agent, space = next(iter(account.agents)), next(iter(account.spaces))
    found = await session.flatfile.user(user.id)
    assert (found.id, found.name, found.email) == (user.id, user.name, user.email)
    seen = await session.flatfile.guest(guest.id)
    assert (seen.id, seen.name, seen.environment_id) == (guest.id, guest.name, guest.environment_id)
    assert (await session.flatfile.agent(agent.id, agent.environment_id)).slug == agent.slug
    assert (await session.flatfile.space(space.id)).name == space.name


async def test_names_and_addresses_come_with_listings_and_in_no_representation(
    session: Session, world: World
) -> None:
    users = await session.flatfile.users()
    assert {user.name for user in users} == {user.name for user in world.account.users}
    space = next(space for space in world.account.spaces if world.account.guests.of(space.id))
    guests = await session.flatfile.guests(space.id)
    assert guests
    assert all(PERSON in guest.name and guest.email for guest in guests)
    text = repr((users, guests))
    assert not any(mark in text for mark in MARKS)


async def test_a_name_may_be_null(opened: Opening) -> None:
    peer = Peer(lambda *_: '{"data":{"id":"us_usr_1","name":null,"email":null}}')
    user = await opened(transport=peer.transport).flatfile.user("us_usr_1")
    assert (user.name, user.email) == ("", "")


async def test_no_secret_of_a_thing_is_kept(session: Session, world: World) -> None:
    agent, space = next(iter(world.account.agents)), next(iter(world.account.spaces))
    kept: list[Any] = [
        await session.flatfile.agent(agent.id, agent.environment_id),
        await session.flatfile.space(space.id),
    ]
    held = str([[getattr(thing, name) for name in thing.__slots__] for thing in kept])
    assert not any(mark in held for mark in (SECRET, SOURCE))


@pytest.mark.parametrize("data", ['{"data":null}', "{}"])
async def test_what_is_not_there_is_not_found(
    session: Session, opened: Opening, emulator: Emulator, data: str
) -> None:
    with pytest.raises(NotFound):
        await session.flatfile.user("us_usr_nobody")
    with pytest.raises(NotFound):
        await session.flatfile.agent(
            "us_ag_none", next(iter(emulator.world.account.environments)).id
        )
    empty = opened(transport=Peer(lambda *_: data).transport)
    with pytest.raises(NotFound, match="is gone"):
        await empty.flatfile.agent("us_ag_1", "us_env_1")


@pytest.mark.parametrize("id_", ELSEWHERE)
async def test_what_is_no_id_is_not_even_asked(
    session: Session, emulator: Emulator, id_: str
) -> None:
    flatfile = session.flatfile
    questions: list[Callable[[], Awaitable[Any]]] = [
        lambda: flatfile.user(id_),
        lambda: flatfile.guest(id_),
        lambda: flatfile.agent(id_, "us_env_1"),
        lambda: flatfile.space(id_),
    ]
    for ask in questions:
        with pytest.raises(NotFound, match="was not asked") as error:
            await ask()
        assert not id_ or id_ not in str(error.value)
    assert not emulator.requests


@given(st.sampled_from(Lookup), WORDS)
def test_no_text_forms_a_path_of_more_than_one_plain_segment(lookup: Lookup, text: str) -> None:
    try:
        place = lookup.of(text)
    except NotFound:
        return
    folder, kind = lookup.value
    assert place.path == f"{folder}/{text}"
    assert text.isascii()
    assert text.replace("_", "").isalnum()
    assert f"_{kind}_" in text
    assert place.template == f"{folder}/{{id}}"


@pytest.mark.parametrize("id_", ["us_usr_1", "eu0_usr_Zz9", "us0_usr_0"])
def test_the_region_may_be_any(id_: str) -> None:
    assert Lookup.USER.of(id_).path == f"/users/{id_}"


def test_a_place_is_made_only_with_the_same_check() -> None:
    with pytest.raises(NotFound):
        Place(Lookup.GUEST, "us_g_1/token")
    with pytest.raises(AttributeError):
        Lookup.GUEST.of("us_g_1").path = "/guests/us_g_1/token"  # type: ignore[misc] # the point


async def test_whatever_is_looked_up_nothing_dangerous_is_called(
    session: Session, emulator: Emulator, world: World
) -> None:
    before = {agent.id: agent.version for agent in world.account.agents}
    ids = [*ELSEWHERE, *before, *(guest.id for guest in world.account.guests)]

    async def ask(question: Awaitable[Any]) -> None:
        with suppress(RoundError):
            await question

    flatfile = session.flatfile
    for id_ in ids:
        await asyncio.gather(
            ask(flatfile.user(id_)),
            ask(flatfile.guest(id_)),
            ask(flatfile.agent(id_, "us_env_1")),
            ask(flatfile.space(id_)),
        )
    assert emulator.requests
    assert not emulator.dangerous_calls
    assert {agent.id: agent.version for agent in world.account.agents} == before


async def test_a_lookup_is_counted_by_its_template_and_a_message_names_that(
    session: Session, world: World
) -> None:
    user = next(iter(world.account.users))
    await session.flatfile.user(user.id)
    with pytest.raises(NotFound) as error:
        await session.flatfile.user("us_usr_nobody")
    assert "us_usr_nobody" not in str(error.value)
    assert "/users/{id}" in str(error.value)
    reading = session.usage.reading()
    assert reading.requests["/users/{id}", "GET", "200"] == 1
    assert reading.requests["/users/{id}", "GET", "404"] == 1
    assert not any(user.id in route for route in reading.durations)
