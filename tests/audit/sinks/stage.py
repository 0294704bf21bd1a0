"""Records for sinks, as they would stand in the store."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from exporter.audit.canonical import canonical
from exporter.audit.record import Entry, Kind
from exporter.audit.store.times import iso

NOW = 1_800_000_000.0
"""Unix seconds; what VirtualLoop begins with."""

ANNA = "us_usr_anna"
NAME, EMAIL = "hmac-sha256:" + "a" * 64, "hmac-sha256:" + "b" * 64
PEOPLE = {NAME: "Anna CANARY", EMAIL: "anna@canary-mail.example"}


def an_entry(
    sequence: int,
    *,
    at: float | None = None,
    kind: Kind = Kind.EVENT,
    topic: str = "space:deleted",
    uid: str | None = None,
    people: Mapping[str, str] = PEOPLE,
    **fields: Any,
) -> Entry:
    """One by Anna, a second after the one before it unless ``at`` (Unix seconds) says otherwise."""
    moment = NOW + sequence if at is None else at
    uid = f"us_evt_{sequence:08d}" if uid is None else uid
    actor = {"id": ANNA, "kind": "user", "name": NAME, "email": EMAIL, "label": None}
    record = {
        "schema": 1,
        "sequence": sequence,
        "previous": "0" * 64,
        "uid": uid,
        "kind": kind.value,
        "topic": topic,
        "time": iso(moment),
        "recorded": iso(NOW),
        "late": False,
        "source": "feed",
        "actor": actor,
        "environment": {"id": "us_env_1", "name": "production"},
        "space": {"id": f"us_sp_{sequence}", "name": "Import"},
        "context": {},
        "payload": {},
        "origin": None,
        "raw": None,
        "detail": None,
        **fields,
    }
    body = canonical(record)
    return Entry(
        sequence=sequence,
        uid=uid,
        at=moment,
        recorded=NOW,
        body=body,
        hash=sha256(body).hexdigest(),
        record=json.loads(body),
        people=people,
    )


def entries(first: int, last: int, **fields: Any) -> list[Entry]:
    return [an_entry(sequence, **fields) for sequence in range(first, last + 1)]


def line(entry: Entry) -> bytes:
    """Short, and tells which it is."""
    return json.dumps({"sequence": entry.sequence, "uid": entry.uid}).encode()


def uids(lines: Sequence[bytes]) -> list[str]:
    """Fails if any of the lines is torn."""
    return [json.loads(each)["uid"] for each in lines]
