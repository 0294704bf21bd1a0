"""Pruning: whole segments go, and a signed tombstone says which."""

import sqlite3
from dataclasses import dataclass

from exporter.audit.canonical import canonical, digest
from exporter.audit.keys import SigningKey
from exporter.audit.store import seal
from exporter.audit.store.times import iso

MOST = 50_000
"""Records that are pruned in one transaction; others wait for it meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """``last`` is the newest sequence that is gone. While there are records, there may be more."""

    records: int
    segments: int
    last: int


def prune(
    connection: sqlite3.Connection,
    key: SigningKey,
    *,
    before: float,
    now: float,
    most: int = MOST,
) -> Pruned:
    """Delete the oldest segments all of whose records are from before ``before`` (Unix seconds).

    Every registered sink must have them, with nothing of them left to be sent again. At most
    ``most`` records at once, unless the first segment alone has more. Raises StorageFailed if
    another key began this log.
    """
    seal.sign(connection, key, now)  # refuses a wrong key
    (pruned,) = connection.execute("SELECT pruned FROM chain").fetchone()
    last, segments, payload = pruned, 0, b""
    free = _free(connection)
    for sequence, statement in connection.execute(
        "SELECT sequence, payload FROM checkpoint WHERE sequence > ? ORDER BY sequence", (pruned,)
    ).fetchall():
        too_many = segments and sequence - pruned > most
        if sequence > free or too_many or not _old(connection, last, sequence, before):
            break
        last, segments, payload = sequence, segments + 1, statement
    if segments:
        _bury(connection, key, pruned=pruned, last=last, checkpoint=payload, before=before, now=now)
    return Pruned(records=last - pruned, segments=segments, last=last)


def _free(connection: sqlite3.Connection) -> int:
    """The newest sequence that no sink needs any more."""
    (free,) = connection.execute(
        "SELECT min(at) FROM (SELECT sequence AS at FROM chain"
        " UNION ALL SELECT cursor FROM sink WHERE active"
        " UNION ALL SELECT min(retry.sequence) - 1 FROM retry"
        " JOIN sink ON sink.name = retry.sink WHERE active)"
    ).fetchone()
    return int(free)


def _old(connection: sqlite3.Connection, after: int, upto: int, before: float) -> bool:
    """Whether they were recorded before that. Nothing happens after it was recorded.

    An event that is dated later has a wrong date, and must not keep everything else for ever.
    """
    (newest,) = connection.execute(
        "SELECT max(recorded) FROM record WHERE sequence > ? AND sequence <= ?", (after, upto)
    ).fetchone()
    return newest is not None and newest < before


def _bury(
    connection: sqlite3.Connection,
    key: SigningKey,
    *,
    pruned: int,
    last: int,
    checkpoint: bytes,
    before: float,
    now: float,
) -> None:
    (log,) = connection.execute("SELECT log FROM chain").fetchone()
    hashed, offset = connection.execute(
        "SELECT hash, offset FROM record WHERE sequence = ?", (last,)
    ).fetchone()
    (horizon,) = connection.execute(
        "SELECT max(horizon, (SELECT max(min(at, recorded)) FROM record WHERE sequence <= ?))"
        " FROM chain",
        (last,),
    ).fetchone()
    number, previous = seal.newest(connection, "tombstone")
    payload = canonical(
        {
            "schema": seal.SCHEMA,
            "statement": "tombstone",
            "log": log,
            "number": number + 1,
            "previous": previous,
            "first": pruned + 1,
            "sequence": last,
            "records": last - pruned,
            "hash": hashed.hex(),
            "offset": offset,
            "checkpoint": digest(checkpoint),
            "horizon": iso(horizon),
            "before": iso(before),
            "time": iso(now),
        }
    )
    connection.execute(
        "INSERT INTO tombstone VALUES (?, ?, ?)", (number + 1, payload, key.sign(payload))
    )
    connection.execute(
        "UPDATE chain SET pruned = ?, base = ?, horizon = ?", (last, offset, horizon)
    )
    # Those dated later than they were recorded are told by their ids until that date has come.
    connection.execute(
        "INSERT INTO buried SELECT uid, at FROM record WHERE sequence <= ? AND at > ?",
        (last, horizon),
    )
    connection.execute("DELETE FROM buried WHERE at <= ?", (horizon,))
    connection.execute("DELETE FROM record WHERE sequence <= ?", (last,))
    connection.execute("DELETE FROM dead_letter WHERE sequence <= ?", (last,))
    connection.execute("DELETE FROM retry WHERE sequence <= ?", (last,))
    # That at the boundary stays: the next one names it as its predecessor.
    connection.execute("DELETE FROM checkpoint WHERE sequence < ?", (last,))
    seal.sign(connection, key, now)
