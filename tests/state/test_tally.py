"""Counting each thing exactly once."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.state import tally
from exporter.state.schema import migrate
from exporter.state.tally import Cursor, Item

FEED = "events"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = _connect()
    yield connection
    connection.close()


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


def _item(key: str, at: float, topic: str = "job:ready") -> Item:
    return Item(key=key, at=at, environment_id="e", topic=topic)


def _total(connection: sqlite3.Connection) -> int:
    return sum(tally.totals(connection, FEED, 0, 1e9).total.values())


def test_what_was_counted_is_not_counted_again(connection: sqlite3.Connection) -> None:
    assert tally.count(connection, FEED, [_item("a", 1), _item("b", 2)], origin=0) == 2
    assert tally.count(connection, FEED, [_item("b", 2), _item("c", 3)], origin=0) == 1
    assert _total(connection) == 3


def test_a_key_that_comes_twice_in_one_page_counts_once(connection: sqlite3.Connection) -> None:
    assert tally.count(connection, FEED, [_item("a", 1), _item("a", 1)], origin=0) == 1


def test_nothing_before_the_origin_is_counted(connection: sqlite3.Connection) -> None:
    assert tally.count(connection, FEED, [_item("a", 9.9), _item("b", 10)], origin=10) == 1


def test_a_cursor_keeps_its_place_and_never_moves_back(connection: sqlite3.Connection) -> None:
    first = Cursor(origin=5, mark=5)
    assert tally.cursor(connection, FEED, first) == first
    tally.advance(connection, FEED, 20)
    tally.advance(connection, FEED, 10)
    assert tally.cursor(connection, FEED, Cursor(99, 99)) == Cursor(5, 20)


def test_recent_counts_the_window_and_is_an_explicit_zero(connection: sqlite3.Connection) -> None:
    tally.count(connection, FEED, [_item("a", 10), _item("b", 20), _item("c", 5, "x")], origin=0)
    recent = tally.totals(connection, FEED, since=10, until=20).recent
    assert recent == {("e", "job:ready", ""): 1, ("e", "x", ""): 0}


def test_pruning_keeps_what_the_overlap_may_bring_up_again(connection: sqlite3.Connection) -> None:
    tally.cursor(connection, FEED, Cursor(0, 0))
    items = [_item(str(at), at) for at in range(100)]
    tally.count(connection, FEED, items, origin=0)
    tally.advance(connection, FEED, 99)
    tally.prune(connection, FEED, before=50, overlap=10, live=frozenset({FEED}))
    assert tally.count(connection, FEED, items, origin=0) == 0
    (kept,) = connection.execute("SELECT count(*) FROM seen").fetchone()
    assert kept == 60


def test_a_cursor_that_stands_still_keeps_the_keys_it_will_ask_for(
    connection: sqlite3.Connection,
) -> None:
    tally.cursor(connection, FEED, Cursor(0, 20))
    items = [_item(str(at), at) for at in range(100)]
    tally.count(connection, FEED, items, origin=0)
    tally.prune(connection, FEED, before=90, overlap=10, live=frozenset({FEED}))
    assert tally.count(connection, FEED, items, origin=0) == 0
    (kept,) = connection.execute("SELECT count(*) FROM seen").fetchone()
    assert kept == 90


def test_the_cursor_of_a_dead_environment_does_not_keep_keys(
    connection: sqlite3.Connection,
) -> None:
    tally.cursor(connection, f"{FEED}/dead", Cursor(0, 0))
    tally.cursor(connection, f"{FEED}/live", Cursor(0, 95))
    tally.prune(connection, FEED, before=90, overlap=10, live=frozenset({f"{FEED}/live"}))
    assert tally.peek(connection, f"{FEED}/dead") is None
    assert tally.count(connection, FEED, [_item("late", 79)], origin=0) == 0


def test_feeds_do_not_disturb_each_other(connection: sqlite3.Connection) -> None:
    tally.count(connection, FEED, [_item("a", 1)], origin=0)
    tally.count(connection, "executions", [_item("x", 1)], origin=0)
    tally.prune(connection, "executions", before=50, overlap=0, live=frozenset())
    assert tally.count(connection, FEED, [_item("a", 1)], origin=0) == 0
    assert _total(connection) == 1


@given(
    times=st.lists(st.integers(0, 600), min_size=1, max_size=60),
    data=st.data(),
)
def test_any_order_repetition_and_lateness_within_the_overlap_counts_each_once(
    times: list[int], data: st.DataObject
) -> None:
    """Things become visible up to ``overlap`` late, in any order, page after page, repeated."""
    overlap, window = 60, 120
    things = [_item(f"k{i}", at) for i, at in enumerate(times)]
    shown_at = {t.key: t.at + data.draw(st.integers(0, overlap - 1)) for t in things}
    connection = _connect()
    try:
        for now in range(0, 901, 30):
            begun = tally.cursor(connection, FEED, Cursor(0, 0))
            visible = [t for t in things if shown_at[t.key] <= now and t.at >= begun.mark - overlap]
            shuffled = data.draw(st.permutations(visible)) if now % 300 == 0 else visible
            tally.count(connection, FEED, [*shuffled, *shuffled[:3]], origin=begun.origin)
            tally.advance(connection, FEED, max([begun.mark, *(t.at for t in visible)]))
            tally.prune(
                connection, FEED, before=now - window, overlap=overlap, live=frozenset({FEED})
            )
        assert _total(connection) == len(things)
    finally:
        connection.close()
