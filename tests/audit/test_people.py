"""Commitments to names and addresses: the same for the same, and nobody's once erased."""

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from exporter.audit import people
from exporter.audit.knowledge.seen import persons
from exporter.flatfile.models import User
from tests.audit.store.stage import one, opened

ANN, BOB = "us_usr_ann", "us_usr_bob"
NAME, MAIL = "Ann Canary", "ann@canary-mail.example"


def test_the_same_name_of_the_same_person_is_the_same_commitment() -> None:
    with opened() as log:
        made = people.commitment(log, ANN, NAME, keep_plain=True)
        assert made == people.commitment(log, ANN, NAME, keep_plain=True)
        assert made is not None
        assert made.startswith("hmac-sha256:")
        others = {
            people.commitment(log, ANN, MAIL, keep_plain=True),
            people.commitment(log, BOB, NAME, keep_plain=True),
        }
        assert len({made} | others) == 3


def test_it_is_an_hmac_with_a_random_key_of_the_person() -> None:
    with opened() as log:
        made = people.commitment(log, ANN, NAME, keep_plain=False)
        key = one(log, "SELECT key FROM person WHERE id = ?", ANN)
        assert len(key) == 32
        assert made == "hmac-sha256:" + hmac.new(key, NAME.encode(), hashlib.sha256).hexdigest()


def test_plain_text_is_given_only_where_it_was_to_be_kept() -> None:
    with opened() as log:
        kept = people.commitment(log, ANN, NAME, keep_plain=True)
        dropped = people.commitment(log, ANN, MAIL, keep_plain=False)
        assert kept is not None
        assert dropped is not None
        assert people.plain(log, [kept, dropped, "hmac-sha256:00"]) == {kept: NAME}


def test_once_plain_text_is_not_to_be_kept_any_more_it_goes() -> None:
    with opened() as log:
        made = people.commitment(log, ANN, NAME, keep_plain=True)
        assert made == people.commitment(log, ANN, NAME, keep_plain=False)
        assert people.plain(log, [str(made)]) == {}


def test_to_nothing_nobody_commits() -> None:
    with opened() as log:
        assert people.commitment(log, ANN, "", keep_plain=True) is None


def test_a_name_that_cannot_be_encoded_is_committed_to_all_the_same() -> None:
    with opened() as log:
        made = people.commitment(log, ANN, "A\ud800n", keep_plain=True)
        assert people.plain(log, [str(made)]) == {made: "A�n"}


def test_nobody_keeps_their_deeds_from_a_sink_by_a_name_too_long_for_it() -> None:
    long = "Ann " * 100_000
    with opened() as log:
        made = people.commitment(log, ANN, long, keep_plain=True)
        assert people.plain(log, [str(made)]) == {made: long[:500]}
        assert people.find(log, long) == people.find(log, long[:500]) == [ANN]
        everybody = [
            User(id=ANN, name=long, email=MAIL),
            User(id=BOB, name="A\ud800\0n", email=MAIL),
        ]
        assert persons(log, everybody, keep_plain=True) == persons(log, everybody, keep_plain=True)
        before = log.total_changes
        ann, _ = persons(log, everybody, keep_plain=True)
        assert log.total_changes == before
        assert ann.name == made


def test_who_is_erased_stays_erased() -> None:
    with opened() as log:
        made = people.commitment(log, ANN, NAME, keep_plain=True)
        other = people.commitment(log, BOB, NAME, keep_plain=True)
        assert not people.erased(log, [ANN])
        assert people.erase(log, ANN)
        assert people.erased(log, [ANN]) == {ANN}
        assert people.commitment(log, ANN, NAME, keep_plain=True) is None
        assert people.plain(log, [str(made), str(other)]) == {other: NAME}
        assert people.commitment(log, BOB, NAME, keep_plain=True) == other
        assert not people.erase(log, ANN)
        assert not people.erase(log, "nobody")


@pytest.mark.parametrize("keep_plain", [True, False])
def test_people_are_found_by_id_name_or_address_with_and_without_plain_text(
    keep_plain: bool,
) -> None:
    with opened() as log:
        for person, text in ((ANN, NAME), (ANN, MAIL), (BOB, NAME)):
            people.commitment(log, person, text, keep_plain=keep_plain)
        assert people.find(log, NAME) == [ANN, BOB]
        assert people.find(log, MAIL) == [ANN]
        assert people.find(log, BOB) == [BOB]
        assert people.find(log, NAME.upper()) == []
        people.erase(log, ANN)
        assert people.find(log, NAME) == [BOB]
        assert people.find(log, ANN) == [ANN]


def test_where_names_are_not_to_be_kept_any_more_all_of_them_go_and_people_are_still_found(
    tmp_path: Path,
) -> None:
    with _crowded(tmp_path) as log:
        (commitments,) = log.execute("SELECT count(*) FROM commitment").fetchone()
        assert people.forget(log) == _CROWD
        assert people.forget(log) == 0
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert one(log, "SELECT count(*) FROM commitment") == commitments
        assert people.find(log, _name(7).decode() + "x" * 49) == ["us_usr_7"]
        assert one(log, "SELECT scrub FROM chain") == 1
    content = _content(tmp_path)
    assert not [number for number in range(_CROWD) if _name(number) in content]


def test_of_those_erased_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    """Rows are made and grown, so that pages are split as in years of use.

    SQLite's ``secure_delete`` leaves copies of some of them behind; those are the ones to try.
    """
    with _crowded(tmp_path) as log:
        log.execute("DELETE FROM commitment WHERE rowid % 3 = 0")
        kept = {name for (name,) in log.execute("SELECT substr(plain, 1, 8) FROM commitment")}
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    left = _content(tmp_path)
    missed = [
        number
        for number in range(_CROWD)
        if _name(number) in left and _name(number).decode() not in kept
    ]
    assert missed, "secure_delete is enough now: erasing need not write the tables anew"
    gone = [*missed[:3], 7, 1_000]
    with _crowded(tmp_path) as log:
        keys = [one(log, "SELECT key FROM person WHERE id = ?", f"us_usr_{n}") for n in gone]
        for number in gone:
            people.erase(log, f"us_usr_{number}")
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = _content(tmp_path)
    assert _name(1) in content
    for number, key in zip(gone, keys, strict=True):
        assert _name(number) not in content
        assert _name(number).decode().encode("utf-16-le") not in content
        assert key not in content


_CROWD = 3_000


def _name(number: int) -> bytes:
    return f"NAME{number:04}".encode()


def _content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@contextmanager
def _crowded(folder: Path) -> Iterator[sqlite3.Connection]:
    for path in folder.iterdir():
        path.unlink()
    dice = Random(1)
    with opened(folder) as log:
        log.execute("PRAGMA secure_delete=1")
        log.execute("PRAGMA journal_mode=WAL")
        for keep_plain in (False, True):
            log.execute("BEGIN")
            for number in dice.sample(range(_CROWD), _CROWD):
                name = _name(number).decode() + "x" * (number * 7 % 60)
                people.commitment(log, f"us_usr_{number}", name, keep_plain=keep_plain)
            log.execute("COMMIT")
        yield log
