"""Appending: each id once, without a hole, linked, and counted in the same transaction."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.audit.record import GENESIS, ActorKind, Draft, Kind
from exporter.audit.store import chain, seal, tallies
from exporter.audit.store.chain import Appended, Head
from exporter.audit.store.unresolved import Unresolved, resolved, unresolved
from exporter.audit.verify import verify
from exporter.errors import StorageFailed
from tests.audit.store.stage import KEY, NOW, PLAIN, draft, drafts, nobody, one, opened, uids


def test_records_follow_each_other_without_a_hole_and_name_the_one_before() -> None:
    with opened() as log:
        assert chain.head(log) == Head(0, GENESIS)
        assert chain.append(log, drafts(5, 3), now=NOW) == Appended(
            records=2, duplicates=0, first=1, last=2
        )
        chain.append(log, drafts(4), now=NOW + 1)
        rows = log.execute("SELECT sequence, uid, hash, body FROM record ORDER BY 1").fetchall()
        assert [row[:2] for row in rows] == [(1, "us_evt_5"), (2, "us_evt_3"), (3, "us_evt_4")]
        previous = GENESIS
        for sequence, uid, hashed, body in rows:
            record = json.loads(body)
            assert (record["sequence"], record["uid"], record["previous"]) == (
                sequence,
                uid,
                previous,
            )
            assert sha256(body).digest() == hashed
            previous = hashed.hex()
        assert chain.head(log) == Head(3, previous)


def test_a_record_says_what_its_draft_said() -> None:
    with opened() as log:
        chain.append(log, [draft(1, at=NOW - 0.0015)], now=NOW + 0.25)
        record = json.loads(one(log, "SELECT body FROM record"))
    assert record == {
        **PLAIN,
        "schema": 1,
        "sequence": 1,
        "previous": GENESIS,
        "uid": "us_evt_1",
        "kind": "event",
        "topic": "commit:created",
        "time": "2027-01-15T07:59:59.998Z",
        "recorded": "2027-01-15T08:00:00.250Z",
        "late": False,
    }


def test_what_stands_already_is_left_out_and_counted() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2), now=NOW)
        assert chain.append(log, drafts(2, 3, 3, 1), now=NOW) == Appended(
            records=1, duplicates=3, first=3, last=3
        )
        assert chain.append(log, drafts(3), now=NOW) == Appended(
            records=0, duplicates=1, first=4, last=3
        )
        chain.counted_duplicates(log, 4)
        assert uids(log) == ["us_evt_1", "us_evt_2", "us_evt_3"]
        assert tallies.reading(log).duplicates == 8
        assert chain.known(log, ["us_evt_1", "us_evt_9"]) == {"us_evt_1"}


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_however_pages_are_shuffled_and_repeated_the_same_records_stand_once(
    data: Any, shown: list[int]
) -> None:
    with opened() as log:
        rest: Sequence[int] = shown
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            page, rest = rest[:size], rest[size:]
            before = chain.head(log).sequence
            found = chain.append(log, drafts(*page), now=NOW)
            assert found.records + found.duplicates == len(page)
            assert (found.first, found.last) == (before + 1, before + found.records)
        seal.sign(log, KEY, NOW)
        assert uids(log) == [f"us_evt_{number}" for number in dict.fromkeys(shown)]
        found_good = verify(log, public_key=KEY.public, head=None)
        assert (found_good.problem, found_good.records) == ("", len(set(shown)))
        counts = tallies.reading(log)
        assert (counts.records, counts.duplicates) == (
            len(set(shown)),
            len(shown) - len(set(shown)),
        )


def test_a_mistake_of_ours_on_the_way_is_not_taken_for_a_changed_log() -> None:
    with opened() as log:

        def making() -> Iterator[Draft]:
            yield draft(1)
            for _ in range(2):
                log.execute("INSERT INTO cursor VALUES ('same', 1.0)")

        with pytest.raises(sqlite3.IntegrityError, match="cursor"):
            chain.append(log, making(), now=NOW)


def test_what_was_found_to_be_absent_is_looked_for_again_once_the_chain_has_grown() -> None:
    with opened() as log:
        chain.append(log, drafts(1), now=NOW)
        absent_at = chain.head(log).sequence
        chain.append(log, drafts(3), now=NOW)
        appended = chain.append(log, drafts(2, 3, 4), now=NOW, absent_at=absent_at)
        assert (appended.records, appended.duplicates) == (2, 1)
        assert uids(log) == ["us_evt_1", "us_evt_3", "us_evt_2", "us_evt_4"]


def test_what_comes_twice_stands_once_although_it_was_found_to_be_absent() -> None:
    with opened() as log:
        numbers = (*range(120), 3, 119)
        appended = chain.append(log, drafts(*numbers), now=NOW, absent_at=0)
        assert (appended.records, appended.duplicates) == (120, 2)


def test_what_comes_twice_in_a_long_batch_stands_once() -> None:
    numbers = (*range(250), *range(249, 100, -1))
    with opened() as log:
        appended = chain.append(log, iter(drafts(*numbers)), now=NOW)
        assert (appended.records, appended.duplicates) == (250, 149)
        assert uids(log) == [f"us_evt_{number}" for number in range(250)]
        assert sum(tallies.reading(log).lag) == 250


def test_a_transaction_that_fails_leaves_neither_record_nor_count() -> None:
    with opened() as log:
        chain.append(log, drafts(1), now=NOW)
        before = (chain.head(log), tallies.reading(log))
        log.execute("BEGIN")
        chain.append(log, drafts(2, 3), now=NOW)
        log.execute("ROLLBACK")
        assert (chain.head(log), tallies.reading(log)) == before


def _draft(kind: Kind, number: int, *, late: bool = False, source: str = "feed") -> Draft:
    made = draft(number, source=source)
    return Draft(
        uid=made.uid, kind=kind, topic=made.topic, at=made.at, fields=made.fields, late=late
    )


def test_all_that_is_appended_is_counted_by_what_it_is() -> None:
    with opened() as log:
        chain.append(
            log,
            [
                _draft(Kind.EVENT, 999, late=True),
                _draft(Kind.EVENT, 700),
                _draft(Kind.EVENT, 1, source="backfill"),
                _draft(Kind.GAP, 2),
                _draft(Kind.CHANGE, 3),
                draft(4, at=NOW + 1e6),
            ],
            now=NOW,
        )
        found = tallies.reading(log)
    assert (found.records, found.late, found.gaps, found.duplicates) == (6, 1, 1, 0)
    assert found.height == 6
    # One second, five minutes, and one from the future; neither the change nor the backfill.
    assert found.lag == (2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    assert found.lag_sum == pytest.approx(301)
    # What is dated in the future says nothing about the newest.
    assert found.newest == NOW - 1


def test_when_the_newest_gap_was_recorded_is_known_and_no_event_changes_it() -> None:
    with opened() as log:
        chain.append(log, drafts(1), now=NOW)
        assert tallies.reading(log).last_gap is None
        for later, kind in enumerate((Kind.GAP, Kind.GAP, Kind.EVENT)):
            chain.append(log, [_draft(kind, 2 + later)], now=NOW + later)
        assert tallies.reading(log).last_gap == NOW + 1


def test_a_lag_is_counted_in_the_bucket_that_ends_with_it() -> None:
    bounds = tallies.LAG_BOUNDS
    for bucket, bound in enumerate(bounds):
        with opened() as log:
            chain.append(log, [draft(1, at=NOW - bound), draft(2, at=NOW - bound - 0.5)], now=NOW)
            lag = tallies.reading(log).lag
        assert (lag[bucket], lag[bucket + 1], sum(lag)) == (1, 1, 2)


def test_actors_of_whom_nothing_is_known_wait_to_be_resolved() -> None:
    with opened() as log:
        chain.append(log, [nobody(1, "us_g_1", ActorKind.GUEST), draft(2)], now=NOW)
        chain.append(
            log,
            [nobody(n, "us_g_1", ActorKind.GUEST) for n in (3, 1)]
            + [nobody(4, "us_x_9", ActorKind.UNKNOWN)],
            now=NOW,
        )
        guest, unknown = unresolved(log)
        assert guest == Unresolved(
            actor_id="us_g_1", kind=ActorKind.GUEST, first=1, last=3, records=2
        )
        assert (unknown.actor_id, unknown.first, unknown.records) == ("us_x_9", 4, 1)
        assert tallies.reading(log).unresolved == {"guest": 2, "unknown": 1}
        resolved(log, "us_g_1")
        assert unresolved(log) == [unknown]
        assert tallies.reading(log).unresolved == {"guest": 2, "unknown": 1}


def test_a_record_in_the_way_is_damage_and_not_a_bug() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2), now=NOW)
        log.execute("UPDATE chain SET sequence = 1")
        with pytest.raises(StorageFailed, match="does not fit its own end"):
            chain.append(log, drafts(3), now=NOW)


def test_appending_asks_the_file_and_remembers_nothing(tmp_path: Any) -> None:
    with opened(tmp_path) as one_writer, opened(tmp_path) as another:
        for number in range(1, 7):
            writer: sqlite3.Connection = one_writer if number % 2 else another
            chain.append(writer, drafts(number, number - 1), now=NOW)
            seal.sign(writer, KEY, NOW)
        assert uids(one_writer) == [f"us_evt_{n}" for n in (1, 0, 2, 3, 4, 5, 6)]
        assert verify(another, public_key=KEY.public, head=None).ok


def test_a_long_batch_gives_way_to_answers_all_the_time() -> None:
    standing: list[int] = []
    with opened() as log:

        def give_way() -> None:
            standing.append(one(log, "SELECT count(*) FROM record"))

        chain.append(log, drafts(*range(500)), now=NOW, give_way=give_way)
    steps = [after - before for before, after in pairwise([0, *standing, 500])]
    assert max(steps) <= 5
