"""How far the feed was read survives a restart, whole or as it was before."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.feed.answer import ANCHORS
from exporter.audit.feed.ledger import ACCOUNT, Ledger, load
from exporter.audit.store import cursors
from exporter.audit.store.database import Database
from tests.support.account import wall

BEGIN = 1.8e9


@pytest.fixture
async def database() -> Database:
    return Database(None, wall)


async def _save(ledger: Ledger, database: Database) -> None:
    await database.run(partial(cursors.change, changes=ledger.take()))


async def _begun(database: Database) -> Ledger:
    ledger = await load(database)
    ledger.begin(BEGIN)
    await _save(ledger, database)
    return await load(database)


async def test_a_new_log_has_no_origin_and_one_that_began_has_its_mark(database: Database) -> None:
    assert (await load(database)).origin is None
    ledger = await _begun(database)
    assert (ledger.origin, ledger.marks) == (BEGIN, {ACCOUNT: BEGIN})
    assert (ledger.complete, ledger.anchors, ledger.agreed, ledger.held) == ({}, {}, None, None)
    await database.aclose()


async def test_everything_is_as_it_was_after_it_was_saved(database: Database) -> None:
    ledger = await _begun(database)
    ledger.move(ACCOUNT, mark=BEGIN + 5, complete=BEGIN + 9)
    ledger.move("us_env_1", mark=BEGIN + 3, complete=BEGIN + 4)
    ledger.anchor({"us_env_1": [(BEGIN + 5, "e/1 ä"), (BEGIN + 2, "e2")], "a/b": [(BEGIN, "x")]})
    ledger.hold(77.5)
    ledger.cast("us_env_1")
    ledger.part(BEGIN, anew=False)
    ledger.read_whole(BEGIN + 11)
    await _save(ledger, database)
    again = await load(database)
    for name in ("marks", "complete", "anchors", "void", "held", "agreed", "apart", "origin"):
        assert getattr(again, name) == getattr(ledger, name), name
    assert again.apart
    assert await database.run(lambda c: cursors.mark(c, "read/feed")) == BEGIN + 11
    await database.aclose()


async def test_how_far_a_first_reading_came_is_known_until_there_is_a_whole_one(
    database: Database,
) -> None:
    ledger = await _begun(database)
    for scope in (ACCOUNT, "us_env_1", "us_env_2"):
        ledger.move(scope, mark=BEGIN)
        ledger.reach(scope, BEGIN + 7)
    await _save(ledger, database)
    again = await load(database)
    assert again.partial == {ACCOUNT: BEGIN + 7, "us_env_1": BEGIN + 7, "us_env_2": BEGIN + 7}
    again.move("us_env_1", complete=BEGIN + 9)
    again.drop(["us_env_2"])
    again.reach("us_env_1", BEGIN + 8)
    await _save(again, database)
    assert again.partial == (await load(database)).partial == {ACCOUNT: BEGIN + 7}
    await database.aclose()


async def test_what_was_not_saved_never_was(database: Database) -> None:
    ledger = await _begun(database)
    ledger.move(ACCOUNT, mark=BEGIN + 5)
    assert (await load(database)).marks == {ACCOUNT: BEGIN}
    await database.aclose()


async def test_a_mark_never_moves_back(database: Database) -> None:
    ledger = await _begun(database)
    ledger.move(ACCOUNT, mark=BEGIN + 5)
    ledger.move(ACCOUNT, mark=BEGIN + 4)
    await _save(ledger, database)
    assert (await load(database)).marks[ACCOUNT] == BEGIN + 5
    await database.aclose()


async def test_the_newest_anchors_of_the_account_are_of_all_and_none_is_beyond_its_mark(
    database: Database,
) -> None:
    ledger = await _begun(database)
    ledger.move(ACCOUNT, mark=BEGIN + 10)
    ledger.anchor({"one": [(BEGIN + n, f"a{n}") for n in range(8)]})
    ledger.anchor({"two": [(BEGIN + 9, "b"), (BEGIN + 11, "ahead")]})
    assert ledger.newest_anchors("one").keys() == {"a3", "a4", "a5", "a6", "a7"}
    assert ledger.newest_anchors(ACCOUNT).keys() == {"a4", "a5", "a6", "a7", "b"}
    ledger.cast(ACCOUNT)
    assert not ledger.newest_anchors(ACCOUNT)
    assert ledger.newest_anchors("one")
    await database.aclose()


@given(st.lists(st.lists(st.tuples(st.integers(0, 20).map(float), st.text("ab/%", max_size=3)))))
def test_of_all_that_was_found_the_newest_are_kept(found: list[list[tuple[float, str]]]) -> None:
    ledger = Ledger(
        marks={}, complete={}, anchors={}, void={}, origin=None, agreed=None, apart=False, held=None
    )
    for part in found:
        ledger.anchor({"e": part})
    times = sorted({at: None for part in found for at, _ in part})
    kept = ledger.anchors.get("e", {})
    assert len(kept) <= ANCHORS
    if times and kept:
        assert max(kept.values()) == times[-1]


async def test_once_the_account_is_proven_single_environments_are_forgotten(
    database: Database,
) -> None:
    ledger = await _begun(database)
    ledger.inherit("us_env_1", trusted=True)
    ledger.part(BEGIN, anew=False)
    ledger.move(ACCOUNT, mark=BEGIN + 20)
    ledger.agree()
    await _save(ledger, database)
    again = await load(database)
    assert again.marks == {ACCOUNT: BEGIN + 20}
    assert (again.agreed, again.apart) == (BEGIN + 20, False)
    await database.aclose()


async def test_an_environment_begins_where_the_account_stands_if_that_can_be_trusted(
    database: Database,
) -> None:
    ledger = await _begun(database)
    ledger.move(ACCOUNT, mark=BEGIN + 20, complete=BEGIN + 25)
    ledger.anchor({"known": [(BEGIN + 1, "e")]})
    for name in ("known", "new"):
        ledger.inherit(name, trusted=True)
    assert (ledger.marks["known"], ledger.complete["known"]) == (BEGIN + 20, BEGIN + 25)
    assert ledger.marks["new"] == BEGIN + 20
    assert "new" not in ledger.complete
    ledger.inherit("other", trusted=False)
    assert ledger.marks["other"] == BEGIN
    ledger.agree()
    ledger.move(ACCOUNT, mark=BEGIN + 99)
    ledger.inherit("late", trusted=False)
    assert ledger.marks["late"] == BEGIN + 20
    await database.aclose()


async def test_it_is_kept_on_the_disk(tmp_path: Path) -> None:
    database = Database(tmp_path, wall)
    await _begun(database)
    await database.aclose()
    again = Database(tmp_path, wall)
    assert (await load(again)).origin == BEGIN
    await again.aclose()
