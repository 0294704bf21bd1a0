"""A log on which the tests play: drafts, a key, a connection with the tables."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exporter.audit.keys import SigningKey
from exporter.audit.record import ActorKind, Draft, Json, Kind
from exporter.audit.store import chain, seal
from exporter.audit.store.database import FILE
from exporter.audit.store.schema import migrate

NOW = 1_800_000_000.0
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(b"o" * 32))

PLAIN: Mapping[str, Json] = {
    "source": "feed",
    "actor": {"id": "us_usr_1", "kind": "user", "name": None, "email": None, "label": None},
    "environment": {"id": "us_env_1", "name": "prod"},
    "space": {"id": "us_sp_1", "name": "Ümläut 🙂"},
    "context": {"spaceId": "us_sp_1", "environmentId": "us_env_1"},
    "payload": {"status": "ok", "count": 3},
    "origin": None,
    "raw": "0" * 64,
    "detail": None,
}


def draft(number: int, at: float | None = None, **fields: Json) -> Draft:
    """An event whose id has that number; it happened as many seconds after NOW - 1,000."""
    return Draft(
        uid=f"us_evt_{number}",
        kind=Kind.EVENT,
        topic="commit:created",
        at=NOW - 1_000 + number if at is None else at,
        fields={**PLAIN, **fields},
    )


def drafts(*numbers: int) -> list[Draft]:
    return [draft(number) for number in numbers]


def nobody(number: int, actor_id: str, kind: ActorKind) -> Draft:
    """An event by somebody of whom only the id is known."""
    made = draft(number, actor={**PLAIN["actor"], "id": actor_id})
    return Draft(
        uid=made.uid,
        kind=made.kind,
        topic=made.topic,
        at=made.at,
        fields=made.fields,
        unresolved=kind,
    )


@contextmanager
def opened(folder: Path | None = None) -> Iterator[sqlite3.Connection]:
    """A connection with the tables; without a folder in memory."""
    connection = sqlite3.connect(
        ":memory:" if folder is None else folder / FILE, isolation_level=None
    )
    try:
        migrate(connection)
        yield connection
    finally:
        connection.close()


def filled(
    connection: sqlite3.Connection, *batches: Sequence[Draft], now: float = NOW
) -> sqlite3.Connection:
    """The same with these appended, each batch signed."""
    for batch in batches:
        chain.append(connection, batch, now=now)
        seal.sign(connection, KEY, now)
    return connection


def uids(connection: sqlite3.Connection) -> list[str]:
    """In the order of their sequences."""
    return [uid for (uid,) in connection.execute("SELECT uid FROM record ORDER BY sequence")]


def one(connection: sqlite3.Connection, question: str, *values: Any) -> Any:
    """The only value of the only row."""
    ((found,),) = connection.execute(question, values).fetchall()
    return found


@contextmanager
def undone(log: sqlite3.Connection) -> Iterator[None]:
    """Whatever is done to the log there has not been done afterwards."""
    log.execute("BEGIN")
    try:
        yield
    finally:
        log.execute("ROLLBACK")
