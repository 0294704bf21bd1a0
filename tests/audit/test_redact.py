"""Erasing a person: a record says so, nobody can tell their name, and the chain still verifies."""

import sqlite3
from pathlib import Path

from exporter.audit import people
from exporter.audit.record import Kind
from exporter.audit.redact import Redacted, redact
from exporter.audit.store import chain, reading
from exporter.audit.store.database import Database
from exporter.audit.verify import verify
from tests.audit.store.stage import KEY, NOW, PLAIN, draft, opened

PERSON = "us_g_0001"
NAME = "Ann Canary Lovelace"


def _named(log: sqlite3.Connection) -> None:
    name = people.commitment(log, PERSON, NAME, keep_plain=True)
    mail = people.commitment(log, PERSON, "ann@canary-mail.example", keep_plain=True)
    actor = {**PLAIN["actor"], "id": PERSON, "name": name, "email": mail}
    chain.append(log, [draft(1, actor=actor)], now=NOW)


def test_an_erasure_is_a_record_and_leaves_the_others_as_they_are() -> None:
    with opened() as log:
        _named(log)
        (before,) = reading.entries(log, 0, 9)
        assert NAME in before.people.values()
        assert redact(log, PERSON, NOW + 1) == Redacted(
            person=PERSON, erased=True, commitments=2, sequence=2
        )
        after, erasure = reading.entries(log, 0, 9)
        assert (after.body, after.people) == (before.body, {})
        assert erasure.record["kind"] == Kind.REDACTION
        assert erasure.record["topic"] == "audit:redaction"
        assert erasure.record["detail"] == {"person": PERSON, "kind": "guest"}
        assert people.find(log, NAME) == []


def test_who_is_not_known_or_erased_already_is_not_erased_again() -> None:
    with opened() as log:
        _named(log)
        redact(log, PERSON, NOW)
        for person in (PERSON, "us_usr_nobody"):
            assert redact(log, person, NOW) == Redacted(
                person=person, erased=False, commitments=0, sequence=None
            )
        assert chain.head(log).sequence == 2


async def test_nothing_of_the_person_is_left_on_the_disk_and_the_log_verifies(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path, lambda: NOW, key=KEY)
    await database.run(_named)
    assert NAME.encode() in _content(tmp_path)
    await database.run(lambda log: redact(log, PERSON, NOW))
    content = _content(tmp_path)
    for text in (NAME, "ann@canary-mail.example", NAME.casefold(), NAME.upper()):
        assert text.encode() not in content
        assert text.encode("utf-16-le") not in content
    assert await database.run(lambda log: verify(log, public_key=KEY.public, head=None).ok)
    await database.aclose()


async def test_while_somebody_reads_the_journal_is_emptied_after_a_later_transaction(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path, lambda: NOW, key=KEY)
    await database.run(_named)
    with opened(tmp_path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        await database.run(lambda log: redact(log, PERSON, NOW))
        assert NAME.encode() in _content(tmp_path)
        reader.execute("COMMIT")
    await database.run(chain.head)
    assert NAME.encode() not in _content(tmp_path)
    await database.aclose()


def _content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
