"""Reading a feed, by itself: what a server may show that the emulated one does not."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence

import pytest

from exporter.collectors.feed import read
from exporter.errors import TimedOut
from exporter.state import tally
from exporter.state.store import Store

NOW = 1_800_000_000.0
OVERLAP = 120.0


def _item(key: str, at: float) -> tally.Item:
    return tally.Item(key=key, at=at, environment_id="e", topic="job:ready")


async def _round(
    store: Store, pages: Sequence[Sequence[tally.Item] | Exception], wall: float = NOW
) -> list[float]:
    """Play one; what it asked for as ``since``."""
    asked: list[float] = []

    async def ask(since: float) -> AsyncIterator[Iterable[tally.Item]]:
        asked.append(since)
        for page in pages:
            if isinstance(page, Exception):
                raise page
            yield page

    first = tally.Cursor(origin=NOW - 3600, mark=NOW - 3600)
    await read(store, ask, feed="f", cursor="f", first=first, overlap=OVERLAP, wall=wall)
    return asked


async def _total(store: Store) -> int:
    sums = await store.run(lambda c: tally.totals(c, "f", 0, 2 * NOW))
    return sum(sums.total.values())


async def test_a_thing_dated_in_the_future_does_not_make_the_others_late() -> None:
    store = Store(None, lambda: NOW)
    await _round(store, [[_item("odd", NOW + 86_400), _item("a", NOW - 10)]])
    (since,) = await _round(store, [[_item("b", NOW + 20)]], wall=NOW + 30)
    assert since == NOW - 10 - OVERLAP
    assert await _total(store) == 3
    await store.aclose()


async def test_the_last_pages_are_counted_together_with_the_cursor_or_not_at_all() -> None:
    store = Store(None, lambda: NOW)
    await _round(store, [[_item("a", NOW - 20)]])
    stop = "BEFORE UPDATE ON cursor BEGIN SELECT RAISE(ABORT, 'no'); END"
    await store.run(lambda c: c.execute(f"CREATE TRIGGER stop {stop}"))
    with pytest.raises(sqlite3.IntegrityError):
        await _round(store, [[_item("c", NOW - 5)], [_item("b", NOW - 10)]])
    assert await _total(store) == 1
    await store.run(lambda c: c.execute("DROP TRIGGER stop"))
    (since,) = await _round(store, [[_item("c", NOW - 5)], [_item("b", NOW - 10)]])
    assert since == NOW - 20 - OVERLAP
    assert await _total(store) == 3
    (since,) = await _round(store, [])
    assert since == NOW - 5 - OVERLAP
    await store.aclose()


async def test_what_was_read_before_a_failure_is_kept_and_the_cursor_stays() -> None:
    store = Store(None, lambda: NOW)
    with pytest.raises(TimedOut):
        await _round(store, [[_item("a", NOW - 20)], TimedOut("no answer")])
    assert await _total(store) == 1
    (since,) = await _round(store, [[_item("a", NOW - 20), _item("b", NOW - 30)]])
    assert since == NOW - 3600 - OVERLAP
    assert await _total(store) == 2
    await store.aclose()


async def test_pages_shifted_by_new_things_at_the_front_are_read_once() -> None:
    store = Store(None, lambda: NOW)
    shifted = [
        [_item("c", NOW - 1), _item("b", NOW - 2)],
        [_item("b", NOW - 2), _item("a", NOW - 3)],
    ]
    assert len(await _round(store, shifted)) == 1
    assert await _total(store) == 3
    await store.aclose()


async def test_pages_whose_things_change_places_are_read_until_they_fall_quiet() -> None:
    store = Store(None, lambda: NOW)
    mixed = [[_item("b", NOW - 2), _item("c", NOW - 1)], [_item("b", NOW - 2), _item("a", NOW - 3)]]
    assert len(await _round(store, mixed)) == 5
    assert await _total(store) == 3
    await store.aclose()
