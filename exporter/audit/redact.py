"""Erasing a person: their key is destroyed, and that it was is a record."""

import sqlite3
from dataclasses import dataclass

from exporter.audit import people
from exporter.audit.actors import kind_of
from exporter.audit.knowledge import versions
from exporter.audit.record import Draft, Kind, blank
from exporter.audit.store import chain

TOPIC = "audit:redaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """``erased`` is False if there was no key to destroy, and then nothing was appended.

    ``commitments`` is how many names and addresses it was of that nobody can tell any more.
    """

    person: str
    erased: bool
    commitments: int
    sequence: int | None


def redact(connection: sqlite3.Connection, person_id: str, now: float) -> Redacted:
    """Destroy the key and the plain text of a person, and append a record that says so."""
    (commitments,) = connection.execute(
        "SELECT count(*) FROM commitment WHERE person_id = ?", (person_id,)
    ).fetchone()
    if not people.erase(connection, person_id):
        return Redacted(person=person_id, erased=False, commitments=0, sequence=None)
    versions.erase(connection, person_id)
    appended = chain.append(connection, [_draft(person_id, now)], now=now)
    return Redacted(person=person_id, erased=True, commitments=commitments, sequence=appended.last)


def _draft(person_id: str, now: float) -> Draft:
    return Draft(
        uid=f"redaction/{person_id}",
        kind=Kind.REDACTION,
        topic=TOPIC,
        at=now,
        fields=blank(detail={"person": person_id, "kind": kind_of(person_id).value}),
    )
