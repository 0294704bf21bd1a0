"""Going along the chain, record by record, and holding it against what was signed."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from exporter.audit.record import SCHEMA, Json
from exporter.audit.store.statements import Point, Wrong
from exporter.audit.store.times import unix

_ROWS = (
    "SELECT sequence, uid, at, recorded, offset, hash, body FROM record"
    " WHERE sequence >= ? ORDER BY sequence"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A record that fits itself and its predecessor. ``hash`` is hexadecimal."""

    sequence: int
    uid: str
    at: float
    hash: str
    offset: int
    record: Mapping[str, Json]


def links(
    connection: sqlite3.Connection, start: Point, signed: Iterator[Point | Wrong]
) -> Iterator[Link]:
    """All records after ``start``. Raises Wrong at the first that is not as it was signed.

    ``signed`` are the places that are signed, in order. What is wrong with one of them is said
    when the chain has come so far, so that what is wrong before it is said first.
    """
    before = (start.sequence, "", start.hash, start.offset)
    coming = _reached(next(signed, None), signed, *before)
    for row in connection.execute(_ROWS, (0,)):
        expected = before[0] + 1
        if row[0] != expected:
            raise _out_of_place(row, expected)
        record = _itself(row)
        sequence, uid, at, _, offset, hashed, body = row
        if record["previous"] != before[2]:
            raise _unlinked(connection, row, before, coming)
        if offset != before[3] + len(body):
            raise Wrong("its column offset was edited", sequence, uid)
        if coming is None:
            raise Wrong("it was appended after the newest signed head", sequence, uid)
        before = (sequence, uid, hashed.hex(), offset)
        coming = _reached(coming, signed, *before)
        yield Link(sequence=sequence, uid=uid, at=at, hash=before[2], offset=offset, record=record)
    if isinstance(coming, Wrong):
        raise coming
    if coming is not None:
        raise Wrong(
            f"it is gone, and all after it: {coming.what} says there were {coming.sequence}",
            before[0] + 1,
        )


def _out_of_place(row: tuple[Any, ...], expected: int) -> Wrong:
    if row[0] < expected:
        return Wrong("it stands before the beginning of the log", row[0], row[1])
    return Wrong("it is gone, and no tombstone says so", expected)


def _itself(row: tuple[Any, ...]) -> Mapping[str, Json]:
    """The record, if body, hash and the other columns fit each other."""
    sequence, uid, at, recorded, _, hashed, body = row
    if not isinstance(body, bytes) or sha256(body).digest() != hashed:
        raise Wrong("its body or its hash was edited", sequence, uid)
    try:
        record = json.loads(body)
        columns = {
            "schema": SCHEMA,
            "sequence": sequence,
            "uid": uid,
            "time": record["time"] if unix(record["time"]) == at else None,
            "recorded": record["recorded"] if unix(record["recorded"]) == recorded else None,
        }
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Wrong("its body is not of a record", sequence, uid) from None
    for name, value in columns.items():
        if record.get(name) != value:
            raise Wrong(f"its column and its field {name} differ", sequence, uid)
    return dict(record)


def _reached(
    coming: Point | Wrong | None,
    signed: Iterator[Point | Wrong],
    sequence: int,
    uid: str,
    hashed: str,
    offset: int,
) -> Point | Wrong | None:
    """The signed place that comes after this record, which is held against those that are here."""
    while coming is not None:
        if isinstance(coming, Wrong):
            if coming.sequence is None or coming.sequence <= sequence:
                raise coming
            break
        if coming.sequence > sequence:
            break
        if (coming.sequence, coming.hash, coming.offset) != (sequence, hashed, offset):
            raise Wrong(f"{coming.what} says it was another record", sequence, uid)
        coming = next(signed, None)
    return coming


def _unlinked(
    connection: sqlite3.Connection,
    row: tuple[Any, ...],
    before: tuple[int, str, str, int],
    coming: Point | Wrong | None,
) -> Wrong:
    """Which of two that do not fit is the wrong one: not the one that a signature reaches."""
    sequence, uid = row[:2]
    if before[0] and isinstance(coming, Point) and _holds(connection, sequence, coming):
        return Wrong(f"record {sequence} says that it was another one", before[0], before[1])
    return Wrong("it does not name the record before it", sequence, uid)


def _holds(connection: sqlite3.Connection, first: int, signed: Point) -> bool:
    """Whether the chain from there on leads to what was signed."""
    hashed, expected = "", first
    for row in connection.execute(_ROWS, (first,)):
        try:
            record = _itself(row)
        except Wrong:
            return False
        if row[0] != expected or hashed not in ("", record["previous"]):
            return False
        hashed, expected = row[5].hex(), expected + 1
        if row[0] == signed.sequence:
            return bool(hashed == signed.hash)
    return False
