"""Events as records: who and where, as of the event; and nothing that may not be kept."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit import excerpt, people
from exporter.audit.canonical import canonical, digest
from exporter.audit.changes import (
    learn_agents,
    learn_environments,
    learn_guests,
    learn_spaces,
    learn_users,
)
from exporter.audit.joining import Options
from exporter.audit.record import ActorKind, Kind
from exporter.audit.store import chain, reading
from exporter.emulator import names
from exporter.emulator.quirks import Quirks
from exporter.flatfile.models import Guest, User
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.topics import TOPICS
from tests.audit.known import (
    AGENT,
    ENV,
    GUEST,
    HOUR,
    NOW,
    SPACE,
    USER,
    Log,
    agent,
    connect,
    event,
    space,
    transaction,
    user,
)
from tests.support.account import BUSY, Bench, bench

MARK = "CANARY-SECRET-3f9"

# Who ------------------------------------------------------------------------------------------


def test_an_actor_of_whom_nothing_is_known_is_unresolved_and_says_so() -> None:
    log = Log()
    for actor_id, kind in (
        (USER, ActorKind.USER),
        (GUEST, ActorKind.GUEST),
        (AGENT, ActorKind.AGENT),
        ("us_key_a", ActorKind.API_KEY),
        ("system", ActorKind.UNKNOWN),
    ):
        (draft,) = log.drafts(event(actor_id=actor_id))
        assert draft.unresolved is kind
        assert draft.fields["actor"] == {
            "id": actor_id,
            "kind": kind.value,
            "name": None,
            "email": None,
            "label": None,
            "basis": None,
            "as_of": None,
            "then": None,
        }


def test_an_event_without_an_actor_has_none() -> None:
    (draft,) = Log().drafts(event())
    assert draft.fields["actor"] is None
    assert draft.unresolved is None


def test_a_known_user_is_given_by_commitments_and_never_by_name() -> None:
    log = Log()
    with transaction(log.connection):
        learn_users(log.connection, [user(updated=NOW - HOUR)], NOW, keep_plain=True)
    (draft,) = log.drafts(event(actor_id=USER, at=NOW))
    actor = draft.fields["actor"]
    assert draft.unresolved is None
    assert people.plain(log.connection, [actor["name"]]) == {actor["name"]: "Ada"}
    assert people.plain(log.connection, [actor["email"]]) == {actor["email"]: "ada@x.example"}
    del actor["name"], actor["email"]
    assert actor == {
        "id": USER,
        "kind": "user",
        "label": None,
        "basis": "listing",
        "as_of": "2027-01-15T07:00:00.000Z",
        "then": True,
    }


def test_an_agent_is_given_by_its_slug() -> None:
    log = Log()
    with transaction(log.connection):
        learn_agents(log.connection, ENV, [agent(slug="importer")], NOW, fed=None)
    actor = log.actor(AGENT)
    assert (actor["kind"], actor["label"], actor["name"]) == ("agent", "importer", None)


def test_each_event_is_joined_with_the_name_of_its_time() -> None:
    log = Log()
    with transaction(log.connection):
        learn_users(log.connection, [user(name="Ada", updated=NOW - HOUR)], NOW, keep_plain=True)
        learn_users(
            log.connection,
            [user(name="Ada King", updated=NOW + 1800)],
            NOW + HOUR,
            keep_plain=True,
        )
    expected = [
        (NOW - 2 * HOUR, "Ada", False),
        (NOW - HOUR, "Ada", True),
        (NOW, "Ada", True),
        (NOW + 60, "Ada King", False),
        (NOW + 1800, "Ada King", True),
        (NOW + 2 * HOUR, "Ada King", True),
    ]
    for at, name, then in expected:
        actor = log.actor(USER, at)
        assert people.plain(log.connection, [actor["name"]])[actor["name"]] == name
        assert actor["then"] is then


def test_a_name_that_two_listings_showed_held_between_them_whatever_updated_at_says() -> None:
    log = Log()
    with transaction(log.connection):
        for n, (name, updated) in enumerate([("Ada", NOW), ("Ada", NOW), ("New", NOW + 100)]):
            listed = [user(name=name, updated=updated)]
            learn_users(log.connection, listed, NOW + 300 * n, keep_plain=True)
    for at, name in ((NOW + 200, "Ada"), (NOW + 300, "Ada"), (NOW + 600, "New")):
        actor = log.actor(USER, at)
        assert people.plain(log.connection, [actor["name"]])[actor["name"]] == name
        assert actor["then"] is True
    assert log.actor(USER, NOW + 400)["then"] is False


def test_who_was_removed_is_known_up_to_the_last_listing_that_showed_them() -> None:
    log = Log()
    with transaction(log.connection):
        learn_users(log.connection, [user()], NOW, keep_plain=True)
        learn_users(log.connection, [user()], NOW + 300, keep_plain=True)
        learn_users(log.connection, [], NOW + 600, keep_plain=True)
    assert log.actor(USER, NOW + 300)["then"] is True
    later = log.actor(USER, NOW + 301)
    assert later["then"] is False
    assert later["name"] is not None


# Where ----------------------------------------------------------------------------------------


def test_the_environment_of_an_event_that_names_only_its_space_is_that_of_the_space() -> None:
    log = Log()
    with transaction(log.connection):
        learn_spaces(log.connection, [space("Orders")], NOW)
    (draft,) = log.drafts(event(space_id=SPACE, environment_id=None))
    assert draft.fields["environment"] == {"id": ENV, "name": None}
    (nowhere,) = log.drafts(event(environment_id=None))
    assert (nowhere.fields["environment"], nowhere.fields["space"]) == (None, None)


@pytest.mark.parametrize(
    "payload",
    [
        {"name": "Orders"},
        {"changes": [{"field": "labels"}, {"field": "name", "newValue": "Orders"}]},
    ],
)
def test_events_tell_the_names_of_spaces_from_their_time_on(payload: Mapping[str, Any]) -> None:
    log = Log()
    before, told, after = log.drafts(
        event(space_id=SPACE, at=NOW - 1),
        event("space:updated", space_id=SPACE, at=NOW, payload=payload),
        event(space_id=SPACE, at=NOW + 1),
    )
    assert before.fields["space"] == {"id": SPACE, "name": None}
    assert told.fields["space"] == after.fields["space"] == {"id": SPACE, "name": "Orders"}


@pytest.mark.parametrize("topic", ["space:guestAdded", "space:guestRemoved", "space:userInvited"])
@pytest.mark.parametrize(
    "payload",
    [{"name": "Ada Lovelace"}, {"changes": [{"field": "name", "newValue": "Ada Lovelace"}]}],
)
def test_the_name_of_a_guest_does_not_become_the_name_of_the_space(
    topic: str, payload: Mapping[str, Any]
) -> None:
    made = Log().drafts(
        event(topic, space_id=SPACE, at=NOW, payload=payload), event(space_id=SPACE, at=NOW + 1)
    )
    for draft in made:
        assert draft.fields["space"] == {"id": SPACE, "name": None}
        assert "Ada" not in str(draft.fields)


def test_events_tell_the_names_of_environments() -> None:
    log = Log()
    payload = {"environmentId": ENV, "name": "staging", "slug": "staging", "isProd": False}
    created, later = log.drafts(
        event("environment:created", environment_id=None, payload=payload), event(at=NOW + 1)
    )
    assert created.fields["environment"] == later.fields["environment"]
    assert later.fields["environment"] == {"id": ENV, "name": "staging"}
    assert created.fields["payload"] == payload


# What -----------------------------------------------------------------------------------------


def test_a_record_holds_the_ids_the_listed_fields_and_the_digest_of_all() -> None:
    origin = {"id": "us_ag_x", "slug": "default", "token": MARK}
    one = event(
        "job:failed",
        actor_id=USER,
        space_id=SPACE,
        payload={"status": "failed", "info": MARK, "input": {"name": MARK}},
        origin=origin,
        dataUrl=f"https://x.example?token={MARK}",
    )
    (draft,) = Log().drafts(one)
    assert (draft.uid, draft.kind, draft.topic, draft.at) == (one.id, Kind.EVENT, "job:failed", NOW)
    fields = draft.fields
    assert fields["source"] == "feed"
    assert fields["context"] == {"actorId": USER, "spaceId": SPACE, "environmentId": ENV}
    assert fields["payload"] == {"status": "failed"}
    assert fields["origin"] == {"id": "us_ag_x", "slug": "default"}
    assert fields["raw"] == digest(canonical(one.raw))
    assert fields["detail"] is None
    assert MARK not in json.dumps(fields)


def test_late_is_what_is_older_than_what_had_been_read() -> None:
    old, new = Log().drafts(event(at=NOW - 1), event(at=NOW), late_before=NOW)
    assert (old.late, new.late) == (True, False)
    (draft,) = Log().drafts(event(at=0.0))
    assert draft.late is False


def test_what_an_operator_asks_for_is_kept() -> None:
    log = Log(options=Options(payload_fields=frozenset({"recordIds"})))
    payload = {"recordIds": ["us_rc_1"], "values": [MARK]}
    (draft,) = log.drafts(event("records:deleted", payload=payload))
    assert draft.fields["payload"] == {"recordIds": ["us_rc_1"]}


_ids = st.sampled_from([USER, GUEST, AGENT, SPACE, ENV, "us_key_x", "us_usr_\n'", "", "ä" * 300])
_numbers = st.integers() | st.floats(allow_nan=False)
_json = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(max_size=10) | _ids | st.just(MARK),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["newValue", "field", "email", "token", "source", "value", "data"]),
            inner,
        )
    ),
    max_leaves=8,
)
_named = st.dictionaries(
    st.sampled_from(
        [*("actorId", "spaceId", "environmentId", "agentId", "entityId"), *("changes", "name")]
    ),
    _ids | st.lists(_json, max_size=2) | st.integers() | st.none(),
)
_hidden = st.dictionaries(
    st.sampled_from(["newValue", "accessToken", "source", "value", "filters", "guest", "email"]),
    _json | st.just(MARK),
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(TOPICS)) | st.text(max_size=12),
            st.builds(lambda a, b: {**a, **b}, _named, _hidden) | _json.filter(lambda j: j != MARK),
            st.builds(lambda a, b: {**a, **b}, _named, _hidden) | _json.filter(lambda j: j != MARK),
            st.none() | st.dictionaries(st.sampled_from(["id", "slug"]), _ids) | st.integers(),
        ),
        max_size=5,
    ),
    st.sampled_from([frozenset(), frozenset({"*"})]),
)
def test_whatever_an_event_holds_its_record_can_be_kept_and_holds_nothing_denied(
    given_events: list[tuple[str, Any, Any, Any]], further: frozenset[str]
) -> None:
    log = Log(options=Options(payload_fields=further))
    batch = [
        RawEvent(
            id=f"id {n}\n{topic}",
            topic=topic,
            created_at=NOW + n,
            raw={"context": context, "payload": payload, "origin": origin},
        )
        for n, (topic, context, payload, origin) in enumerate(given_events)
    ]
    log.drafts(*batch)
    kept = reading.entries(log.connection, 0, 100)
    assert [entry.uid for entry in kept] == [excerpt.text(one.id) for one in batch]
    for entry in kept:
        assert entry.body == canonical(entry.record)
        text = entry.body.decode()
        assert MARK not in text or further
        if not further:
            assert not {key for key in _keys(entry.record["payload"]) if excerpt.denied(key)}


def _keys(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value) | {key for item in value.values() for key in _keys(item)}
        case list():
            return {key for item in value for key in _keys(item)}
        case _:
            return set()


# People ---------------------------------------------------------------------------------------


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def _traces(found: bytes, *texts: str) -> list[str]:
    """Which of them are in there, in whatever case and in UTF-8 or UTF-16."""
    lowered = found.lower()
    return [
        text
        for text in texts
        for form in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))
        if form.lower() in lowered
    ]


async def _fill(log: Log, account: Bench, *, keep_plain: bool) -> list[User | Guest]:
    """Learn all listings of an account and append all of its events; the people in it."""
    world, flatfile, connection = account.emulator.world, account.session.flatfile, log.connection
    environments = await flatfile.environments()
    world.add_events(1_000, spread=60.0)
    world.add_strange_events(environments[0].id)
    for one in environments:
        world.add_events_of_actors(one.id)
    world.rename_user(next(iter(world.account.users)).id, "Canaryname Newly")
    users, now = await flatfile.users(), world.now()
    spaces = await flatfile.spaces(archived=True)
    guests = [found for shown in spaces for found in await flatfile.guests(shown.id)]
    with transaction(connection):
        learn_users(connection, users[1:], now, keep_plain=keep_plain)
        made = learn_users(connection, users, now + 300, keep_plain=keep_plain)
        ids = [one.id for one in environments]
        learn_guests(connection, guests, now, environment_ids=ids, keep_plain=keep_plain)
        learn_environments(connection, environments, now)
        learn_spaces(connection, spaces, now)
        for id_ in ids:
            learn_agents(connection, id_, await flatfile.agents(id_), now, fed=None)
        chain.append(connection, made, now=now)
    async for page in flatfile.raw_events(now - 120):
        log.drafts(*page, now=now)
    return [*users, *guests]


@pytest.mark.parametrize("keep_plain", [True, False])
async def test_of_a_busy_account_with_canaries_none_reaches_the_store(
    tmp_path: Path, keep_plain: bool
) -> None:
    connection = connect(str(tmp_path / "audit.db"))
    connection.execute("PRAGMA journal_mode=WAL")
    async with bench(BUSY) as account:
        everybody = await _fill(Log(connection=connection), account, keep_plain=keep_plain)
    assert chain.head(connection).sequence > 1_000
    (resolved,) = connection.execute(
        "SELECT count(*) FROM record WHERE CAST(body AS TEXT) LIKE '%hmac-sha256:%'"
    ).fetchone()
    assert resolved > 50
    texts = {text for one in everybody for text in (one.name, one.email)}
    found = _bytes(tmp_path)
    assert len(found) > 10**6
    assert _traces(found, names.SECRET, names.SOURCE, names.TOKEN) == []
    if keep_plain:  # it stands where it may stand, and nowhere else
        assert set(_traces(found, *texts)) == texts
        connection.execute("UPDATE commitment SET plain = NULL")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        found = _bytes(tmp_path)
    assert _traces(found, *texts, names.PERSON, names.MAIL_DOMAIN) == []
    connection.close()


def test_an_id_with_a_nul_in_it_is_found_again() -> None:
    log = Log()
    strange = replace(event(), id="us_evt_1\0us_evt_2")
    assert [draft.uid for draft in log.drafts(strange)] == ["us_evt_1\ufffdus_evt_2"]
    log.drafts(strange)
    assert log.connection.execute("SELECT count(*) FROM record").fetchone() == (1,)


async def test_an_event_whose_context_names_no_environment_is_joined_all_the_same() -> None:
    log = Log()
    async with bench(BUSY, quirks=Quirks(event_context_missing=1.0)) as account:
        account.emulator.world.add_events(50, spread=10.0)
        with transaction(log.connection):
            spaces = await account.session.flatfile.spaces(archived=True)
            learn_spaces(log.connection, spaces, NOW)
        count = 0
        async for page in account.session.flatfile.raw_events(account.emulator.world.now() - 60):
            count += len(page)
            for draft in log.drafts(*page):
                where, here = draft.fields["space"], draft.fields["environment"]
                assert (where is None) == (here is None)
    assert count >= 50
