"""What two listings tell that no event does."""

import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit import changes, people
from exporter.audit.changes import (
    GRACE,
    PATIENCE,
    SETTLED,
    learn_agents,
    learn_guests,
    learn_users,
)
from exporter.audit.knowledge import noting
from exporter.audit.knowledge.seen import person
from exporter.audit.record import Draft, Kind
from exporter.audit.store import chain
from exporter.flatfile.models import Agent, Guest, User
from tests.audit.known import (
    AGENT,
    ENV,
    GUEST,
    HOUR,
    MINUTE,
    NOW,
    SPACE,
    USER,
    Log,
    agent,
    connect,
    environment,
    event,
    guest,
    space,
    transaction,
    undone,
    user,
)

OTHER_ENV = "us_env_bbbbbbbb"


def _users(connection: sqlite3.Connection, *listed: User, now: float = NOW) -> list[Draft]:
    with transaction(connection):
        made = learn_users(connection, listed, now, keep_plain=True)
        chain.append(connection, made, now=now)
    return made


def _guests(
    connection: sqlite3.Connection,
    *listed: Guest,
    now: float = NOW,
    environment_ids: Sequence[str] = (ENV,),
) -> list[Draft]:
    with transaction(connection):
        return learn_guests(
            connection, listed, now, environment_ids=environment_ids, keep_plain=True
        )


def _agents(
    connection: sqlite3.Connection, *listed: Agent, now: float = NOW, fed: float | None = NOW * 2
) -> list[Draft]:
    with transaction(connection):
        made = learn_agents(connection, ENV, listed, now, fed=fed)
        chain.append(connection, made, now=now)
    return made


def _people(count: int) -> list[User]:
    return [user(f"us_usr_{n:08d}", name=f"Person {n}") for n in range(count)]


def _plain(connection: sqlite3.Connection, draft: Draft, *keys: str) -> list[str]:
    detail = draft.fields["detail"]
    commitments = [detail[key] for key in keys]
    plain = people.plain(connection, commitments)
    return [plain[commitment] for commitment in commitments]


# People ---------------------------------------------------------------------------------------


def test_the_first_listing_is_no_difference() -> None:
    connection = connect()
    assert _users(connection, user(), user("us_usr_b")) == []
    assert _users(connection, user(), user("us_usr_b"), now=NOW + 300) == []


def test_an_added_user_is_a_record_of_the_time_of_the_listing() -> None:
    connection = connect()
    _users(connection, user())
    (made,) = _users(connection, user(), user("us_usr_b", name="Bo"), now=NOW + 300)
    assert (made.kind, made.topic, made.at) == (Kind.CHANGE, "user:added", NOW + 300)
    assert made.uid == "change/user/us_usr_b/added/1"
    assert made.fields["source"] == "listing"
    assert made.fields["actor"] is None
    assert _plain(connection, made, "name", "email") == ["Bo", "ada@x.example"]


def test_a_changed_user_is_told_with_the_fields_that_changed_and_what_was_before() -> None:
    connection = connect()
    _users(connection, user())
    (made,) = _users(connection, user(name="Ada King"), now=NOW + 300)
    detail = made.fields["detail"]
    assert made.topic == "user:changed"
    assert detail["fields"] == ["name"]
    assert _plain(connection, made, "name", "email") == ["Ada King", "ada@x.example"]
    assert people.plain(connection, [detail["before"]["name"]])[detail["before"]["name"]] == "Ada"
    assert _users(connection, user(name="Ada King"), now=NOW + 600) == []


def test_a_user_who_signed_in_has_not_changed() -> None:
    connection = connect()
    _users(connection, user(updated=NOW - HOUR))
    assert _users(connection, user(updated=NOW + 299), now=NOW + 300) == []


def test_a_removed_user_who_comes_back_is_three_records_with_ids_of_their_own() -> None:
    connection = connect()
    listings = [_people(3), _people(2), _people(3), _people(2)]
    made = [
        draft
        for n, listed in enumerate(listings)
        for draft in _users(connection, *listed, now=NOW + 300 * n)
    ]
    assert [draft.topic for draft in made] == ["user:removed", "user:added", "user:removed"]
    assert len({draft.uid for draft in made}) == 3
    assert chain.head(connection).sequence == 3


def test_the_same_difference_after_a_kill_has_the_same_id() -> None:
    connection = connect()
    _users(connection, user())
    with undone(connection):
        (before,) = learn_users(connection, [user(name="Ada King")], NOW + 300, keep_plain=True)
    (after,) = _users(connection, user(name="Ada King"), now=NOW + 300)
    assert before.uid == after.uid == f"change/user/{USER}/changed/2"


def test_when_most_users_vanish_at_once_two_listings_must_agree() -> None:
    connection = connect()
    everybody = _people(10)
    _users(connection, *everybody)
    assert _users(connection, *everybody[:4], now=NOW + 300) == []
    made = _users(connection, *everybody[:4], now=NOW + 600)
    assert [draft.topic for draft in made] == ["user:removed"] * 6
    assert _users(connection, *everybody[:4], now=NOW + 900) == []


def test_users_who_were_missing_from_one_wrong_listing_were_never_gone() -> None:
    connection = connect()
    everybody = _people(10)
    _users(connection, *everybody)
    assert _users(connection, now=NOW + 300) == []
    assert _users(connection, *everybody, now=NOW + 600) == []
    assert _users(connection, now=NOW + 900) == []
    assert _users(connection, *everybody, now=NOW + 1200) == []


def test_a_single_user_who_vanishes_is_believed_at_once() -> None:
    connection = connect()
    _users(connection, user())
    (made,) = _users(connection, now=NOW + 300)
    assert made.topic == "user:removed"


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["x", "y", ""]), max_size=8),
        max_size=6,
    )
)
def test_every_record_has_an_id_of_its_own_and_a_listing_read_twice_tells_nothing_more(
    listings: list[dict[str, str]],
) -> None:
    connection = connect()
    for n, listed in enumerate(listings):
        seen = [user(f"us_usr_{id_}", name=name) for id_, name in listed.items()]
        _users(connection, *seen, now=NOW + 600 * n)
        _users(connection, *seen, now=NOW + 600 * n + 300)  # whoever was doubted is believed now
        assert _users(connection, *seen, now=NOW + 600 * n + 301) == []
        shown = {
            id_
            for (id_,) in connection.execute(
                "SELECT id FROM version WHERE kind = 'user' AND presence = 1"
            )
        }
        assert shown == {one.id for one in seen}
    (duplicates,) = connection.execute(
        "SELECT coalesce(sum(total), 0) FROM tally WHERE name = 'duplicates'"
    ).fetchone()
    assert duplicates == 0


def test_a_guest_is_told_with_the_environment() -> None:
    connection = connect()
    with transaction(connection):
        changes.learn_environments(connection, [environment("production")], NOW)
    _guests(connection, guest())
    (made,) = _guests(connection, guest(), guest("us_g_b"), now=NOW + HOUR)
    assert made.topic == "guest:added"
    assert made.fields["environment"] == {"id": ENV, "name": "production"}


def test_guests_of_an_environment_that_was_not_asked_for_are_not_gone() -> None:
    connection = connect()
    both = [guest(), guest("us_g_b", environment_id=OTHER_ENV)]
    _guests(connection, *both, environment_ids=[ENV, OTHER_ENV])
    assert _guests(connection, guest(), now=NOW + HOUR) == []
    (made,) = _guests(connection, guest(), now=NOW + 2 * HOUR, environment_ids=[ENV, OTHER_ENV])
    assert made.topic == "guest:removed"


def test_the_first_listing_of_an_environment_that_is_watched_from_now_on_is_no_difference() -> None:
    connection = connect()
    _guests(connection, guest())
    both = [guest(), guest("us_g_b", environment_id=OTHER_ENV)]
    assert _guests(connection, *both, now=NOW + HOUR, environment_ids=[ENV, OTHER_ENV]) == []


def test_guests_of_an_environment_made_since_then_were_added() -> None:
    log = Log()
    _guests(log.connection, guest())
    payload = {"environmentId": OTHER_ENV, "name": "staging"}
    log.drafts(event("environment:created", at=NOW + 1, environment_id=OTHER_ENV, payload=payload))
    both = [guest(), guest("us_g_b", environment_id=OTHER_ENV)]
    (made,) = _guests(log.connection, *both, now=NOW + HOUR, environment_ids=[ENV, OTHER_ENV])
    assert made.uid == "change/guest/us_g_b/added/1"
    assert made.fields["environment"] == {"id": OTHER_ENV, "name": "staging"}


def test_a_guest_who_was_looked_up_before_is_still_added_once_listed() -> None:
    log = Log()
    _guests(log.connection)
    with transaction(log.connection):
        _look_up_guest(log.connection)
    (made,) = _guests(log.connection, guest(), now=NOW + HOUR)
    assert made.uid == f"change/guest/{GUEST}/added/1"
    assert log.actor(GUEST, NOW + HOUR)["basis"] == "lookup"


def _look_up_guest(connection: sqlite3.Connection) -> None:
    seen = person(connection, guest(), keep_plain=True)
    noting.learn(connection, seen, NOW)


def test_a_listing_without_plain_text_leaves_none() -> None:
    connection = connect()
    with transaction(connection):
        learn_users(connection, [user()], NOW, keep_plain=False)
        (made,) = learn_users(connection, [user(name="Bo")], NOW + 300, keep_plain=False)
    assert people.plain(connection, [made.fields["detail"]["name"]]) == {}
    assert made.fields["detail"]["fields"] == ["name"]


def test_another_mode_takes_effect_with_the_next_listing_though_nobody_changed() -> None:
    connection = connect()
    everybody = _people(3)
    for keep_plain, texts in ((True, 6), (False, 0), (True, 6)):
        with transaction(connection):
            assert learn_users(connection, everybody, NOW, keep_plain=keep_plain) == []
        (kept,) = connection.execute("SELECT count(plain) FROM commitment").fetchone()
        assert kept == texts


def test_a_listing_in_which_nobody_changed_costs_no_statement_for_each() -> None:
    connection = connect()
    everybody = _people(500)
    _users(connection, *everybody)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    _users(connection, *everybody, now=NOW + 300)
    assert len(statements) < 50


# Agents ---------------------------------------------------------------------------------------


def test_an_agent_that_no_event_accounts_for_is_a_record_after_the_grace() -> None:
    connection = connect()
    _agents(connection)
    assert _agents(connection, agent(), now=NOW + 60) == []
    assert _agents(connection, agent(), now=NOW + 120) == []
    (made,) = _agents(connection, agent(), now=NOW + 60 + GRACE)
    assert (made.topic, made.at) == ("agent:deployed", NOW + 60)
    assert made.uid == f"change/agent/{AGENT}/deployed/1"
    assert made.fields["detail"]["label"] == "default"
    assert made.fields["environment"]["id"] == ENV
    assert _agents(connection, agent(), now=NOW + HOUR) == []


def test_a_removal_and_a_redeployment_without_an_event_are_records() -> None:
    connection = connect()
    _agents(connection, agent(), agent("us_ag_b"))
    _agents(connection, agent(slug="v2", updated=NOW + 30), now=NOW + 60)
    made = _agents(connection, agent(slug="v2", updated=NOW + 30), now=NOW + 60 + GRACE)
    assert [draft.topic for draft in made] == ["agent:redeployed", "agent:removed"]
    assert made[0].fields["detail"]["fields"] == ["slug", "updatedAt"]
    assert made[0].fields["detail"]["before"]["label"] == "default"
    assert made[1].fields["detail"]["id"] == "us_ag_b"


@pytest.mark.parametrize(
    ("topic", "before", "after"),
    [
        ("agent:created", [], [agent()]),
        ("agent:updated", [agent()], [agent(updated=NOW + 30)]),
        ("agent:deleted", [agent()], []),
    ],
)
@pytest.mark.parametrize("read_at", [NOW + 31, NOW + 100])
@pytest.mark.parametrize("where", ["payload", "origin", "nowhere"])
def test_what_an_event_accounts_for_is_no_record_also_if_the_event_is_read_later(
    topic: str, before: list[Agent], after: list[Agent], read_at: float, where: str
) -> None:
    log = Log()
    _agents(log.connection, *before)
    payload = {"agentId": AGENT, "environmentId": ENV} if where == "payload" else {}
    origin = {"id": AGENT} if where == "origin" else None
    told = event(topic, at=NOW + 30, payload=payload, origin=origin)
    if read_at < NOW + 60:
        log.drafts(told)
    _agents(log.connection, *after, now=NOW + 60)
    if read_at > NOW + 60:
        log.drafts(told)
    assert _agents(log.connection, *after, now=NOW + 60 + GRACE) == []
    assert _agents(log.connection, *after, now=NOW + 2 * HOUR) == []


@pytest.mark.parametrize(
    "told",
    [
        event("agent:deleted", at=NOW + 30, payload={"agentId": "us_ag_other"}),
        event("agent:created", at=NOW + 30, payload={"agentId": AGENT}),
        event("agent:deleted", at=NOW - HOUR, payload={"agentId": AGENT}),
        event("agent:deleted", at=NOW + 30, environment_id=OTHER_ENV, payload={"agentId": AGENT}),
    ],
)
def test_an_event_of_another_agent_deed_time_or_environment_accounts_for_nothing(
    told: object,
) -> None:
    log = Log()
    _agents(log.connection, agent())
    log.drafts(told)  # type: ignore[arg-type] # the parameter's type is that of the fixture
    _agents(log.connection, now=NOW + 60)
    (made,) = _agents(log.connection, now=NOW + 60 + GRACE)
    assert made.topic == "agent:removed"


def test_a_difference_waits_until_the_feed_has_been_read_so_far_but_not_for_ever() -> None:
    connection = connect()
    _agents(connection, agent())
    assert _agents(connection, now=NOW + 60, fed=None) == []
    assert _agents(connection, now=NOW + 600, fed=NOW + 60 + SETTLED - 1) == []
    assert _agents(connection, now=NOW + 1200, fed=None) == []
    (made,) = _agents(connection, now=NOW + 60 + PATIENCE, fed=None)
    assert made.at == NOW + 60


def test_a_difference_waits_no_longer_once_the_feed_has_been_read_so_far() -> None:
    connection = connect()
    _agents(connection, agent())
    _agents(connection, now=NOW + 60)
    (made,) = _agents(connection, now=NOW + 600, fed=NOW + 60 + SETTLED)
    assert made.topic == "agent:removed"


def test_a_difference_that_waits_outlives_a_restart() -> None:
    connection = connect()
    _agents(connection, agent())
    _agents(connection, now=NOW + 60)
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    (made,) = _agents(copy, now=NOW + 60 + GRACE)
    assert made.uid == f"change/agent/{AGENT}/removed/1"


def test_an_agent_missing_from_one_wrong_listing_was_neither_removed_nor_deployed() -> None:
    connection = connect()
    _agents(connection, agent())
    _agents(connection, now=NOW + 60)
    _agents(connection, agent(), now=NOW + 120)
    assert _agents(connection, agent(), now=NOW + HOUR) == []


def test_an_agent_that_really_went_and_came_again_is_two_records() -> None:
    connection = connect()
    _agents(connection, agent())
    _agents(connection, now=NOW + 60)
    _agents(connection, agent(updated=NOW + 90), now=NOW + 120)
    made = _agents(connection, agent(updated=NOW + 90), now=NOW + HOUR)
    assert [draft.topic for draft in made] == ["agent:removed", "agent:deployed"]


def test_differences_of_an_environment_that_is_listed_no_more_are_told_in_the_end() -> None:
    connection = connect()
    _agents(connection, agent())
    _agents(connection, now=NOW + 60)
    with transaction(connection):
        made = learn_agents(connection, OTHER_ENV, [], NOW + 61 + PATIENCE, fed=None)
    assert [draft.fields["environment"]["id"] for draft in made] == [ENV]


# Names ----------------------------------------------------------------------------------------


def test_names_of_environments_and_spaces_are_those_of_the_time_of_the_event() -> None:
    log = Log()
    with transaction(log.connection):
        changes.learn_environments(log.connection, [environment("old")], NOW)
        changes.learn_spaces(log.connection, [space("Orders")], NOW)
        changes.learn_environments(log.connection, [environment("new")], NOW + HOUR)
        changes.learn_spaces(log.connection, [space("Invoices")], NOW + HOUR)
    before, after = log.drafts(
        event(at=NOW + MINUTE, space_id=SPACE), event(at=NOW + HOUR, space_id=SPACE)
    )
    assert before.fields["environment"] == {"id": ENV, "name": "old"}
    assert before.fields["space"] == {"id": SPACE, "name": "Orders"}
    assert after.fields["environment"] == {"id": ENV, "name": "new"}
    assert after.fields["space"] == {"id": SPACE, "name": "Invoices"}


def test_listing_the_same_names_again_writes_nothing() -> None:
    connection = connect()
    with transaction(connection):
        changes.learn_spaces(connection, [space("Orders")], NOW)
    before = connection.total_changes
    with transaction(connection):
        changes.learn_spaces(connection, [space("Orders", environment_id=None)], NOW + 60)
    assert connection.total_changes == before
