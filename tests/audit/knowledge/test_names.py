"""Which name a Space had at a time, told by events in any order."""

from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.knowledge.names import listed, newest, tell
from exporter.audit.knowledge.versions import Basis, Presence, Seen, Thing, as_of, history
from tests.audit.known import ENV, HOUR, MINUTE, NOW, SPACE, connect


def _told(label: str) -> Seen:
    return Seen(kind=Thing.SPACE, id=SPACE, label=label, basis=Basis.EVENT)


NAMES = (("one", 0.0), ("two", 60.0), ("three", 120.0), ("one", 180.0))


@pytest.mark.parametrize("order", list(permutations(range(len(NAMES)))))
def test_names_told_by_events_in_any_order_hold_from_the_times_of_the_events(
    order: tuple[int, ...],
) -> None:
    connection = connect()
    for place in order:
        label, after = NAMES[place]
        tell(connection, _told(label), at=NOW + after, now=NOW + HOUR)
    known = history(connection, Thing.SPACE, SPACE)
    for label, after in NAMES:
        for at in (NOW + after, NOW + after + 59.9):
            found = as_of(known, at)
            assert found is not None
            assert found[0].label == label


@given(st.lists(st.integers(0, 50), max_size=12, unique=True), st.randoms(use_true_random=False))
def test_whatever_the_order_each_renaming_tells_the_name_at_its_time(
    times: list[int], dice: Random
) -> None:
    renamed = [("abc"[place % 3], NOW + at) for place, at in enumerate(sorted(times))]
    told = dice.sample(renamed * 2, len(renamed) * 2)
    connection = connect()
    for label, at in told:
        tell(connection, _told(label), at=at, now=NOW)
    known = history(connection, Thing.SPACE, SPACE)
    for label, at in renamed:
        for later in (at, at + 0.9):
            found = as_of(known, later)
            assert found is not None
            assert (found[0].label, found[1]) == (label, True)


def test_a_name_listed_before_its_event_was_read_is_dated_by_the_event() -> None:
    connection = connect()
    tell(connection, _told("old"), at=NOW - HOUR, now=NOW)
    listed = Seen(kind=Thing.SPACE, id=SPACE, label="new")
    tell(connection, listed, at=NOW, now=NOW)
    tell(connection, _told("new"), at=NOW - MINUTE, now=NOW + 1)
    known = history(connection, Thing.SPACE, SPACE)
    for at, label in ((NOW - MINUTE - 1, "old"), (NOW - MINUTE, "new"), (NOW, "new")):
        found = as_of(known, at)
        assert found is not None
        assert found[0].label == label


def test_a_space_that_is_updated_all_day_is_not_remembered_a_thousand_times() -> None:
    connection = connect()
    for second in range(1_000):
        label = "one" if second < 500 else "two"
        tell(connection, _told(label), at=NOW + second, now=NOW)
    known = history(connection, Thing.SPACE, SPACE)
    assert len(known) <= 100
    tell(connection, _told("late"), at=NOW + 250, now=NOW)
    known = history(connection, Thing.SPACE, SPACE)
    for after, label in ((0, "one"), (250, "late"), (499, "one"), (500, "two"), (999, "two")):
        found = as_of(known, NOW + after)
        assert found is not None
        assert found[0].label == label


def test_a_backfill_does_not_change_the_name_that_a_space_has_today() -> None:
    connection = connect()
    today = Seen(kind=Thing.SPACE, id=SPACE, label="today")
    tell(connection, today, at=NOW, now=NOW, presence=Presence.YES)
    for label, before in (("today", 3 * HOUR), ("once", 2 * HOUR), ("today", HOUR)):
        tell(connection, _told(label), at=NOW - before, now=NOW + 1)
    assert newest(connection, Thing.SPACE, SPACE) == "today"
    assert listed(connection, Thing.SPACE) == {SPACE: ("today", "")}
    found = as_of(history(connection, Thing.SPACE, SPACE), NOW - 1.5 * HOUR)
    assert found is not None
    assert found[0].label == "once"


def test_the_environment_of_a_space_is_kept_from_whoever_knew_it() -> None:
    connection = connect()
    tell(connection, _told("a"), at=NOW, now=NOW)
    known = Seen(kind=Thing.SPACE, id=SPACE, label="b", scope=ENV)
    tell(connection, known, at=NOW + 1, now=NOW + 1)
    tell(connection, _told("c"), at=NOW + 2, now=NOW + 2)
    assert {version.scope for version in history(connection, Thing.SPACE, SPACE)} == {ENV}
