"""Records as they stand, in order."""

import json
import math
import sqlite3
import sys
from collections.abc import Iterable

from exporter.audit import people
from exporter.audit.record import Entry, commitments

MOST_BYTES = 4 * 1024 * 1024
COLUMNS = "sequence, uid, at, recorded, body, hash"

Row = tuple[int, str, float, float, bytes, bytes]


def entries(
    connection: sqlite3.Connection,
    after: int,
    limit: int,
    most_bytes: int = MOST_BYTES,
    *,
    upto: int | None = None,
    since: float | None = None,
    until: float | None = None,
) -> list[Entry]:
    """The records after sequence ``after``: at most ``limit``, and bodies of ``most_bytes``.

    The first one comes in any case, however large it is. Given ``upto`` (a sequence), ``since``
    or ``until`` (Unix seconds, ``since`` <= at < ``until``), only those within.
    """
    rows: list[Row] = []
    size = 0
    for row in connection.execute(
        f"SELECT {COLUMNS} FROM record WHERE sequence > ? AND sequence <= ?"  # noqa: S608 - ours
        " AND at >= ? AND at < ? ORDER BY sequence LIMIT ?",
        (
            after,
            sys.maxsize if upto is None else upto,
            -math.inf if since is None else since,
            math.inf if until is None else until,
            limit,
        ),
    ):
        size += len(row[4])
        if rows and size > most_bytes:
            break
        rows.append(row)
    return entered(connection, rows)


def entry(connection: sqlite3.Connection, sequence: int) -> Entry | None:
    """That record, unless it was pruned or never was."""
    found = entries(connection, sequence - 1, 1, upto=sequence)
    return found[0] if found else None


def prefixed(connection: sqlite3.Connection, prefix: str) -> list[Entry]:
    """The records whose uid begins with ``prefix``."""
    return entered(
        connection,
        connection.execute(
            # The index of the uids gives those from the prefix on, and not what lies before.
            f"SELECT {COLUMNS} FROM record WHERE uid >= ?1 AND uid < ?1 || char(1114111)"  # noqa: S608 - ours
            " AND substr(uid, 1, length(?1)) = ?1 ORDER BY sequence",
            (prefix,),
        ),
    )


def span(
    connection: sqlite3.Connection, since: float | None, until: float | None
) -> tuple[int, int]:
    """The first and last sequence of what happened in ``since`` <= at < ``until``; (0, 0) if none.

    Asks the index only: whoever reads much of a long log reads between these.
    """
    first, last = connection.execute(
        "SELECT min(sequence), max(sequence) FROM record WHERE at >= ? AND at < ?",
        (-math.inf if since is None else since, math.inf if until is None else until),
    ).fetchone()
    return first or 0, last or 0


def entered(connection: sqlite3.Connection, rows: Iterable[Row]) -> list[Entry]:
    """Rows of COLUMNS as entries, with the plain text of the people in them."""
    read = [(row, json.loads(row[4])) for row in rows]
    named = {record["sequence"]: commitments(record) for _, record in read}
    plain = people.plain(connection, {c for each in named.values() for c in each})
    return [
        Entry(
            sequence=sequence,
            uid=uid,
            at=at,
            recorded=recorded,
            body=body,
            hash=hashed.hex(),
            record=record,
            people={c: plain[c] for c in named[record["sequence"]] if c in plain},
        )
        for (sequence, uid, at, recorded, body, hashed), record in read
    ]
