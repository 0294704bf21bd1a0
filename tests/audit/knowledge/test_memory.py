"""Copies in memory: they are used, and never when they do not hold."""

from pathlib import Path

from exporter.audit import people
from exporter.audit.changes import learn_users
from exporter.audit.knowledge import versions
from exporter.audit.store import chain
from tests.audit.known import NOW, SPACE, USER, Log, connect, event, transaction, undone, user


def _learn(log: Log, name: str, *, now: float = NOW) -> None:
    with transaction(log.connection):
        learn_users(log.connection, [user(name=name, updated=0.0)], now, keep_plain=True)


def _plain(log: Log, at: float = NOW) -> str | None:
    commitment = log.actor(USER, at)["name"]
    return commitment and people.plain(log.connection, [commitment])[commitment]


def test_a_second_batch_asks_the_tables_for_nobody_again() -> None:
    log = Log()
    _learn(log, "Ada")
    log.actor(USER)
    asked: list[str] = []
    log.connection.set_trace_callback(asked.append)
    log.actor(USER)
    assert not [statement for statement in asked if "FROM version" in statement]


def test_within_a_batch_equal_actors_are_the_same_object() -> None:
    log = Log()
    _learn(log, "Ada")
    made = log.drafts(*(event(actor_id=USER, space_id=SPACE) for _ in range(3)))
    assert len({id(draft.fields["actor"]) for draft in made}) == 1
    assert len({id(draft.fields["space"]) for draft in made}) == 1
    assert len({id(draft.fields["environment"]) for draft in made}) == 1


def test_actors_of_another_time_are_shared_as_well() -> None:
    log = Log()
    with transaction(log.connection):
        learn_users(log.connection, [user(updated=NOW)], NOW, keep_plain=True)
    made = log.drafts(*(event(actor_id=USER, at=NOW - n) for n in (1, 2, 3)))
    assert len({id(draft.fields["actor"]) for draft in made}) == 1
    assert made[0].fields["actor"]["then"] is False


def test_what_this_process_learns_is_seen_at_once() -> None:
    log = Log()
    _learn(log, "Ada")
    assert _plain(log) == "Ada"
    _learn(log, "Ada Lovelace", now=NOW + 60)
    assert _plain(log, NOW + 60) == "Ada Lovelace"


def test_what_was_learned_in_a_transaction_that_was_undone_is_forgotten() -> None:
    log = Log()
    log.actor(USER)
    with undone(log.connection):
        learn_users(log.connection, [user()], NOW, keep_plain=True)
        (made,) = log.join(event(actor_id=USER, space_id=SPACE))
        assert made.fields["actor"]["basis"] == "listing"
    assert log.actor(USER)["basis"] is None


def test_a_name_told_by_an_event_of_a_transaction_that_was_undone_is_forgotten() -> None:
    log = Log()
    named = event("space:created", space_id=SPACE, payload={"name": "Orders"})
    with undone(log.connection):
        (made,) = log.join(named)
        assert made.fields["space"]["name"] == "Orders"
    (draft,) = log.drafts(event(space_id=SPACE))
    assert draft.fields["space"]["name"] is None


def test_a_person_erased_by_another_process_is_erased_here(tmp_path: Path) -> None:
    file = str(tmp_path / "audit.db")
    log = Log(connection=connect(file))
    log.connection.execute("PRAGMA journal_mode=WAL")
    _learn(log, "Ada")
    assert _plain(log) == "Ada"
    other = connect(file)
    with transaction(other):
        people.erase(other, USER)
    erased = log.actor(USER)
    assert (erased["name"], erased["email"], erased["basis"]) == (None, None, "erased")


def test_a_person_erased_in_this_process_is_erased_at_once() -> None:
    log = Log()
    _learn(log, "Ada")
    assert _plain(log) == "Ada"
    with transaction(log.connection):
        people.erase(log.connection, USER)
        versions.erase(log.connection, USER)
    assert log.actor(USER)["basis"] == "erased"


def test_an_erased_person_stays_so_in_later_listings_and_changes_nothing() -> None:
    log = Log()
    _learn(log, "Ada")
    with transaction(log.connection):
        people.erase(log.connection, USER)
        versions.erase(log.connection, USER)
    with transaction(log.connection):
        again = [user(name="Ada"), user("us_usr_b", name="Bo")]
        made = learn_users(log.connection, again, NOW + 300, keep_plain=True)
        renamed = learn_users(
            log.connection, [user(name="New name"), *again[1:]], NOW + 600, keep_plain=True
        )
    assert [draft.topic for draft in made] == ["user:added"]
    assert renamed == []
    assert log.actor(USER, NOW + 700)["basis"] == "erased"


def test_memory_does_not_grow_with_every_key_that_ever_acted() -> None:
    log = Log()
    with transaction(log.connection):
        for start in range(0, 24_000, 1_000):
            batch = [event(actor_id=f"us_key_{start + n:08d}") for n in range(1_000)]
            made = log.join(*batch)
    assert len(made) == 1_000
    assert len(log.memory.actors) <= 21_000


def test_another_connection_begins_with_an_empty_memory() -> None:
    log = Log()
    _learn(log, "Ada")
    log.actor(USER)
    log.connection = connect()
    assert log.actor(USER)["basis"] is None
    assert chain.head(log.connection).sequence == 1
