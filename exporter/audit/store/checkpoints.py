"""Checkpoints: the ends of segments, signed. What is pruned is pruned by whole segments."""

import sqlite3

from exporter.audit.canonical import canonical
from exporter.audit.keys import SigningKey
from exporter.audit.store import seal
from exporter.audit.store.seal import SignedHead
from exporter.audit.store.times import iso, quantized

__all__ = ["SignedHead", "checkpoint", "due"]


def checkpoint(connection: sqlite3.Connection, key: SigningKey, now: float) -> SignedHead:
    """End a segment at the head, unless one ends there; the head, signed, to be kept elsewhere.

    Raises StorageFailed if another key began this log.
    """
    seal.sign(connection, key, now)  # refuses a wrong key before anything is signed with it
    log, sequence, hashed, offset = connection.execute(
        "SELECT log, sequence, hash, offset FROM chain"
    ).fetchone()
    number, previous = seal.newest(connection, "checkpoint")
    if sequence > _last(connection):
        payload = canonical(
            {
                "schema": seal.SCHEMA,
                "statement": "checkpoint",
                "log": log,
                "number": number + 1,
                "previous": previous,
                "sequence": sequence,
                "hash": hashed.hex(),
                "offset": offset,
                "time": iso(now),
            }
        )
        connection.execute(
            "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?)",
            (number + 1, sequence, quantized(now), payload, key.sign(payload)),
        )
    return seal.sign(connection, key, now)


def due(connection: sqlite3.Connection, now: float, records: int, seconds: float) -> bool:
    """Whether so many records, or the first of them since so long, wait for a checkpoint."""
    last = _last(connection)
    (sequence,) = connection.execute("SELECT sequence FROM chain").fetchone()
    if sequence == last:
        return False
    row = connection.execute(
        "SELECT recorded FROM record WHERE sequence = ?", (last + 1,)
    ).fetchone()
    return sequence - last >= records or row is None or now - row[0] >= seconds


def _last(connection: sqlite3.Connection) -> int:
    (sequence,) = connection.execute("SELECT max(sequence) FROM checkpoint").fetchone()
    return sequence or 0
