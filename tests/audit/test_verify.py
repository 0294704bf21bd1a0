"""Whoever touches the log is found out, and the first record that is wrong is named."""

import json
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from exporter.audit import head_file, people
from exporter.audit.canonical import canonical
from exporter.audit.record import Draft
from exporter.audit.redact import redact
from exporter.audit.retention import prune
from exporter.audit.store import chain, seal
from exporter.audit.store.checkpoints import SignedHead, checkpoint
from exporter.audit.verify import OWN_HEAD, OWN_KEY, Verdict, verify
from tests.audit.store.stage import (
    KEY,
    NOW,
    OTHER,
    PLAIN,
    draft,
    drafts,
    filled,
    one,
    opened,
    undone,
)

FIRST, LAST = 4, 10


def _small(number: int) -> Draft:
    return draft(number, actor=None, environment=None, space=None, context={}, payload={}, raw=None)


@pytest.fixture(scope="module")
def sample() -> Iterator[sqlite3.Connection]:
    """Records 4 to 10: 1 to 3 are pruned; checkpoints at 3, 6 and 8; two records after those."""
    with opened() as log:
        for numbers in ((1, 2, 3), (4, 5, 6), (7, 8)):
            filled(log, [_small(number) for number in numbers], now=NOW - 990)
            checkpoint(log, KEY, NOW)
        assert prune(log, KEY, before=NOW - 980, now=NOW, most=1).last == 3
        name = people.commitment(log, "us_usr_1", "Ann", keep_plain=True)
        filled(log, [draft(9, actor={**PLAIN["actor"], "name": name}), _small(10)])
        yield log


def _verify(log: sqlite3.Connection, head: SignedHead | None = None) -> Verdict:
    return verify(log, public_key=KEY.public, head=head)


def test_a_log_that_nobody_touched_verifies(sample: sqlite3.Connection) -> None:
    head = chain.head(sample)
    found = _verify(sample, seal.signed(sample))
    assert found == Verdict(
        records=7,
        first=FIRST,
        last=LAST,
        first_at=NOW - 996,
        last_at=NOW - 990,
        hash=head.hash,
        checkpoints=3,
        tombstones=1,
        public=KEY.public,
    )
    assert found.ok


def test_an_empty_log_verifies() -> None:
    with opened() as log:
        assert _verify(log).ok
        seal.sign(log, KEY, NOW)
        assert _verify(log).ok


def test_what_was_taken_on_trust_is_said(sample: sqlite3.Connection) -> None:
    assert verify(sample, public_key=None, head=None).notes == (OWN_KEY, OWN_HEAD)
    assert verify(sample, public_key=KEY.public, head=None).notes == (OWN_HEAD,)
    assert verify(sample, public_key=None, head=seal.signed(sample)).notes == ()


def _flips(content: bytes) -> Iterator[bytes]:
    dice = Random(1)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << dice.randrange(8)
        yield bytes(flipped)


@pytest.mark.parametrize(
    ("table", "column", "key", "row", "named"),
    [
        ("record", "body", "sequence", 4, 4),
        ("record", "body", "sequence", 7, 7),
        ("record", "body", "sequence", 10, 10),
        ("record", "hash", "sequence", 5, 5),
        ("record", "hash", "sequence", 8, 8),
        ("record", "hash", "sequence", 10, 10),
        ("checkpoint", "payload", "number", 2, 6),
        ("checkpoint", "signature", "number", 1, 3),
        ("checkpoint", "signature", "number", 3, 8),
        ("tombstone", "payload", "number", 1, 3),
        ("tombstone", "signature", "number", 1, 3),
        ("chain", "payload", "one", 1, 10),
        ("chain", "signature", "one", 1, 10),
        ("chain", "hash", "one", 1, 10),
    ],
)
def test_each_byte_counts(
    sample: sqlite3.Connection, table: str, column: str, key: str, row: int, named: int
) -> None:
    content = one(sample, f"SELECT {column} FROM {table} WHERE {key} = ?", row)  # noqa: S608 - names of our own tables
    uid = f"us_evt_{named}" if table == "record" else None
    for flipped in _flips(content):
        with undone(sample):
            sample.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (flipped, row))  # noqa: S608 - names of our own tables
            found = _verify(sample)
        assert (found.ok, found.sequence, found.uid) == (False, named, uid), found.problem


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        # Columns of records.
        ("UPDATE record SET uid = 'us_evt_other' WHERE sequence = 6", 6),
        ("UPDATE record SET at = at + 0.001 WHERE sequence = 6", 6),
        ("UPDATE record SET recorded = recorded - 1 WHERE sequence = 6", 6),
        ("UPDATE record SET offset = offset + 1 WHERE sequence = 6", 6),
        ("UPDATE record SET body = 'text' WHERE sequence = 6", 6),
        ("UPDATE record SET at = 'soon' WHERE sequence = 6", 6),
        ("UPDATE record SET hash = hex(hash) WHERE sequence = 6", 6),
        # Records that are gone, added or elsewhere.
        ("DELETE FROM record WHERE sequence = 4", 4),
        ("DELETE FROM record WHERE sequence = 7", 7),
        ("DELETE FROM record WHERE sequence = 10", 10),
        ("DELETE FROM record WHERE sequence > 8", 9),
        ("DELETE FROM record WHERE sequence > 7", 8),
        ("DELETE FROM record", 4),
        ("UPDATE record SET sequence = 12 WHERE sequence = 10", 10),
        (("INSERT INTO record SELECT 3, 'x', at, recorded, offset, hash, body FROM record"
         " WHERE sequence = 5"), 3),
        (("INSERT INTO record SELECT 11, 'x', at, recorded, offset, hash, body FROM record"
         " WHERE sequence = 5"), 11),
        # Statements.
        ("DELETE FROM checkpoint WHERE number = 1", 3),
        ("DELETE FROM checkpoint WHERE number = 2", 8),
        ("DELETE FROM checkpoint WHERE number = 3", 10),
        ("DELETE FROM checkpoint", 3),
        ("UPDATE checkpoint SET number = 4 WHERE number = 3", 8),
        ("UPDATE checkpoint SET sequence = 7 WHERE number = 3", 8),
        ("UPDATE checkpoint SET at = at + 1 WHERE number = 3", 8),
        ("UPDATE checkpoint SET payload = 'x' WHERE number = 3", 8),
        (("UPDATE checkpoint SET payload = (SELECT payload FROM checkpoint WHERE number = 2),"
         " signature = (SELECT signature FROM checkpoint WHERE number = 2) WHERE number = 3"), 6),
        ("UPDATE tombstone SET number = 2", 3),
        ("DELETE FROM tombstone", 1),
        (("UPDATE chain SET payload = (SELECT payload FROM checkpoint WHERE number = 3),"
         " signature = (SELECT signature FROM checkpoint WHERE number = 3)"), 10),
        ("UPDATE chain SET payload = NULL", 1),
        # What the log says of itself.
        ("UPDATE chain SET log = 'other'", 3),
        ("UPDATE chain SET sequence = 9", 10),
        ("UPDATE chain SET offset = offset + 1", 10),
        ("UPDATE chain SET pruned = 0", 10),
        ("UPDATE chain SET base = 0", 10),
        ("UPDATE chain SET horizon = 4e9", 10),
        ("UPDATE chain SET public = ''", 10),
        ("DELETE FROM chain", None),
        # People.
        ("UPDATE commitment SET plain = 'Bob'", 9),
        ("UPDATE commitment SET plain = x'00'", 9),
        ("UPDATE person SET key = zeroblob(32)", 9),
        ("DELETE FROM person", 9),
    ],
)  # fmt: skip
def test_each_edit_is_found(sample: sqlite3.Connection, statement: str, named: int | None) -> None:
    with undone(sample):
        sample.execute(statement)
        found = _verify(sample)
    assert not found.ok
    assert found.sequence == named, found.problem


def test_two_records_that_changed_places_are_found(sample: sqlite3.Connection) -> None:
    with undone(sample):
        for before, after in ((5, -1), (6, 5), (-1, 6)):
            sample.execute("UPDATE record SET sequence = ? WHERE sequence = ?", (after, before))
        found = _verify(sample)
    assert (found.sequence, found.uid) == (5, "us_evt_6")


def _rewritten(log: sqlite3.Connection, first: int, last: int) -> None:
    """Edit ``first`` and have the chain fit again up to ``last``."""
    previous = one(log, "SELECT hash FROM record WHERE sequence = ?", first - 1)
    for sequence in range(first, last + 1):
        record = json.loads(one(log, "SELECT body FROM record WHERE sequence = ?", sequence))
        record["previous"] = previous.hex()
        record["source"] = "fake" if sequence == first else record["source"]  # as long as "feed"
        body = canonical(record)
        previous = sha256(body).digest()
        log.execute(
            "UPDATE record SET body = ?, hash = ? WHERE sequence = ?", (body, previous, sequence)
        )


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [
        (5, 5, 5),  # the next one says that it was another one
        (6, 6, 6),  # so does the checkpoint
        (5, 6, 6),  # only the checkpoint does: from 5 or from 6 on, nobody can tell
        (7, 7, 7),
        (9, 9, 9),
        (10, 10, 10),
        (5, 9, 6),
    ],
)
def test_a_record_that_was_rewritten_with_its_hash_is_named(
    sample: sqlite3.Connection, first: int, last: int, named: int
) -> None:
    with undone(sample):
        _rewritten(sample, first, last)
        found = _verify(sample)
    assert (found.sequence, found.uid) == (named, f"us_evt_{named}"), found.problem


def test_who_rewrites_all_and_the_end_as_well_still_lacks_the_key(
    sample: sqlite3.Connection,
) -> None:
    with undone(sample):
        _rewritten(sample, 9, 10)
        sample.execute("UPDATE chain SET hash = (SELECT hash FROM record WHERE sequence = 10)")
        assert _verify(sample).sequence == 10
        sample.execute("UPDATE chain SET public = NULL")
        seal.sign(sample, OTHER, NOW)
        found = _verify(sample)
    assert found.sequence == 10
    assert OTHER.public in found.problem


def test_the_first_of_several_wrong_records_is_named(sample: sqlite3.Connection) -> None:
    with undone(sample):
        sample.execute("UPDATE chain SET signature = x'00'")
        sample.execute("UPDATE checkpoint SET signature = x'00' WHERE number = 3")
        assert _verify(sample).sequence == 8
        sample.execute("UPDATE record SET body = x'00' WHERE sequence IN (5, 7)")
        assert _verify(sample).sequence == 5


def test_a_tail_that_was_appended_without_the_key_is_found(sample: sqlite3.Connection) -> None:
    with undone(sample):
        chain.append(sample, drafts(11, 12), now=NOW)
        found = _verify(sample)
        assert (found.sequence, found.uid) == (11, "us_evt_11")
        seal.sign(sample, KEY, NOW)
        assert _verify(sample).ok


def test_the_wrong_public_key_is_said(sample: sqlite3.Connection) -> None:
    found = verify(sample, public_key=OTHER.public, head=None)
    assert not found.ok
    assert KEY.public in found.problem


def test_a_key_that_is_no_text_is_said(sample: sqlite3.Connection) -> None:
    with undone(sample):
        sample.execute("UPDATE chain SET public = CAST('00' AS BLOB)")
        assert "was signed with the key" in verify(sample, public_key=None, head=None).problem


def test_without_the_public_key_only_the_log_s_own_word_is_checked(
    sample: sqlite3.Connection,
) -> None:
    assert verify(sample, public_key=None, head=None).ok
    with undone(sample):
        sample.execute("UPDATE record SET body = x'00' WHERE sequence = 5")
        assert verify(sample, public_key=None, head=None).sequence == 5


def test_an_older_copy_is_found_by_a_head_that_was_kept_elsewhere(tmp_path: Path) -> None:
    with opened() as log, opened() as older:
        filled(log, drafts(1, 2))
        log.backup(older)
        filled(log, drafts(3))
        head_file.write(tmp_path / "head.json", checkpoint(log, KEY, NOW))
        kept = head_file.read(tmp_path / "head.json")
        filled(log, drafts(4))
        assert _verify(log, kept).ok
        assert _verify(older).ok  # nobody can tell without
        found = _verify(older, kept)
        assert (found.ok, found.sequence) == (False, 3)
        filled(older, drafts(8, 9))
        found = _verify(older, kept)
        assert (found.ok, found.sequence) == (False, 3)


def test_a_head_that_was_kept_is_worth_its_signature(sample: sqlite3.Connection) -> None:
    kept = seal.signed(sample)
    assert kept is not None
    forged = SignedHead(
        payload=kept.payload.replace(b'"sequence":10', b'"sequence":11'),
        signature=kept.signature,
        public=kept.public,
    )
    assert "not signed" in _verify(sample, forged).problem
    with opened() as another:
        filled(another, drafts(1))
        assert "another log" in _verify(sample, seal.signed(another)).problem
        assert "another log" in _verify(another, kept).problem
    payload, signature = sample.execute(
        "SELECT payload, signature FROM checkpoint WHERE number = 3"
    ).fetchone()
    no_head = SignedHead(payload=payload, signature=signature, public=KEY.public)
    assert not _verify(sample, no_head).ok


def test_a_head_that_was_kept_long_ago_proves_what_is_left_of_its_time() -> None:
    with opened() as log:
        filled(log, drafts(1, 2))
        kept = checkpoint(log, KEY, NOW)
        filled(log, drafts(3, 4))
        checkpoint(log, KEY, NOW)
        prune(log, KEY, before=NOW - 990, now=NOW, most=1)
        filled(log, drafts(5))
        assert chain.head(log).sequence == 5
        assert _verify(log, kept).ok


def test_a_person_who_comes_back_from_a_copy_is_found() -> None:
    with opened() as log:
        people.commitment(log, "us_usr_1", "Ann", keep_plain=False)
        filled(log, drafts(1))
        redact(log, "us_usr_1", NOW)
        seal.sign(log, KEY, NOW)
        assert _verify(log).ok
        for statement in ("UPDATE person SET key = zeroblob(32)", "DELETE FROM person"):
            with undone(log):
                log.execute(statement)
                found = _verify(log)
            assert (found.sequence, found.uid) == (2, "redaction/us_usr_1")


def test_a_page_that_cannot_be_read_is_a_verdict_and_no_crash(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        filled(log, drafts(*range(1, 200)))
    path = tmp_path / "audit.db"
    content = bytearray(path.read_bytes())
    content[-40_000:] = b"\xa5" * 40_000
    path.write_bytes(content)
    with sqlite3.connect(path, isolation_level=None) as log:
        found = _verify(log)
    log.close()
    assert not found.ok


def test_an_index_that_hides_a_record_is_found(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        filled(log, drafts(1, 2, 3))
        log.execute("PRAGMA writable_schema=ON")
        log.execute("UPDATE sqlite_schema SET sql = 'CREATE INDEX record_at ON record (recorded)'"
                    " WHERE name = 'record_at'")  # fmt: skip
    with opened(tmp_path) as log:
        assert "damaged" in _verify(log).problem


def test_records_that_come_meanwhile_do_not_disturb(tmp_path: Path) -> None:
    with opened(tmp_path) as log, opened(tmp_path) as daemon:
        log.execute("PRAGMA journal_mode=WAL")
        filled(daemon, drafts(1, 2))
        appended: list[int] = []

        def meanwhile(sequence: int) -> None:
            filled(daemon, drafts(sequence + 10))
            appended.append(sequence)

        found = verify(log, public_key=KEY.public, head=None, progress=meanwhile)
        assert (found.ok, found.last, appended) == (True, 2, [1, 2])
        assert not log.in_transaction
        assert _verify(log).last == 4
