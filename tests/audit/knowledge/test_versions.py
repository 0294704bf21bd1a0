"""In which state a thing was at a time, as far as anybody knows."""

from exporter.audit.knowledge import versions
from exporter.audit.knowledge.noting import learn
from exporter.audit.knowledge.versions import Basis, Seen, Thing, as_of, history
from tests.audit.known import HOUR, MINUTE, NOW, USER, connect


def _person(name: str, unchanged: float | None = None) -> Seen:
    return Seen(kind=Thing.USER, id=USER, name=name, unchanged=unchanged, basis=Basis.LOOKUP)


def test_what_is_not_known_at_all_has_no_version() -> None:
    assert as_of([], NOW) is None
    assert history(connect(), Thing.USER, USER) == ()


def test_before_the_first_version_the_first_one_is_given_as_one_of_later() -> None:
    connection = connect()
    learn(connection, _person("a"), NOW)
    known = history(connection, Thing.USER, USER)
    assert as_of(known, NOW - 1) == (known[0], False)
    assert as_of(known, NOW) == (known[0], True)
    assert as_of(known, NOW + HOUR) == (known[0], True)


def test_a_thing_unchanged_for_an_hour_was_the_same_an_hour_ago() -> None:
    connection = connect()
    learn(connection, _person("a", unchanged=NOW - HOUR), NOW)
    known = history(connection, Thing.USER, USER)
    assert as_of(known, NOW - HOUR) == (known[0], True)
    assert as_of(known, NOW - HOUR - 1) == (known[0], False)


def test_to_be_told_later_that_it_is_unchanged_reaches_back() -> None:
    connection = connect()
    learn(connection, _person("a"), NOW)
    learn(connection, _person("a", unchanged=NOW - HOUR), NOW + 60)
    (only,) = history(connection, Thing.USER, USER)
    assert only.since == NOW - HOUR


def test_nobody_knows_which_it_was_between_the_last_sight_of_one_and_the_first_of_the_next() -> (
    None
):
    connection = connect()
    learn(connection, _person("a"), NOW)
    changed = NOW + 40 * MINUTE
    learn(connection, _person("b", unchanged=changed), NOW + HOUR)
    a, b = history(connection, Thing.USER, USER)
    assert (a.number, b.number) == (1, 2)
    assert as_of((a, b), NOW) == (a, True)
    assert as_of((a, b), NOW + MINUTE) == (b, False)
    assert as_of((a, b), changed) == (b, True)


def test_a_time_of_change_that_lies_before_the_last_sight_of_the_old_state_is_not_believed() -> (
    None
):
    connection = connect()
    learn(connection, _person("a"), NOW)
    learn(connection, _person("b", unchanged=NOW - HOUR), NOW + HOUR)
    a, b = history(connection, Thing.USER, USER)
    assert as_of((a, b), NOW - MINUTE) == (a, False)
    assert as_of((a, b), NOW) == (a, True)
    assert b.since == NOW + HOUR


def test_a_clock_that_went_back_does_not_disorder_the_versions() -> None:
    connection = connect()
    learn(connection, _person("a"), NOW)
    learn(connection, _person("b"), NOW - HOUR)
    assert [version.name for version in history(connection, Thing.USER, USER)] == ["a", "b"]


def test_an_erased_person_keeps_no_commitment_and_says_so() -> None:
    connection = connect()
    learn(connection, _person("a"), NOW)
    versions.erase(connection, USER)
    (only,) = history(connection, Thing.USER, USER)
    assert (only.name, only.email, only.basis) == (None, None, "erased")
