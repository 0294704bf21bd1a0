"""Appending: each id once, each record linked to the one before it by that one's hash."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from exporter.audit.record import Draft, Kind
from exporter.audit.store import tallies, unresolved
from exporter.audit.store.times import iso, quantized
from exporter.audit.store.writing import body
from exporter.errors import StorageFailed

_AHEAD = 300.0  # seconds; an event dated further in the future says nothing about the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """``first`` to ``last`` are the sequences of the new records; no records, if last < first."""

    records: int
    duplicates: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record; sequence 0 and zeros before the first. ``hash`` is hexadecimal."""

    sequence: int
    hash: str


def append(connection: sqlite3.Connection, drafts: Sequence[Draft], *, now: float) -> Appended:
    """Append what does not stand yet, in the order given, and count it.

    What stands already is told by its uid, also within ``drafts``; an event as old as what was
    pruned cannot be told apart from it and counts as a duplicate.
    """
    new = _new(connection, drafts)
    rows, first = _rows(connection, new, now)
    duplicates = len(drafts) - len(new)
    if rows:
        _insert(connection, rows)
        sequence, _, _, _, offset, hashed, _ = rows[-1]
        connection.execute(
            "UPDATE chain SET sequence = ?, hash = ?, offset = ?", (sequence, hashed, offset)
        )
    _count(connection, new, first, duplicates, now)
    return Appended(records=len(new), duplicates=duplicates, first=first, last=first + len(new) - 1)


def known(connection: sqlite3.Connection, uids: Iterable[str]) -> set[str]:
    """Those that stand already, or did."""
    return {
        uid
        for (uid,) in connection.execute(
            "SELECT uid FROM record WHERE uid IN (SELECT value FROM json_each(?1))"
            " UNION ALL SELECT uid FROM buried WHERE uid IN (SELECT value FROM json_each(?1))",
            (json.dumps(list(uids)),),
        )
    }


def counted_duplicates(connection: sqlite3.Connection, amount: int) -> None:
    """So many that were known were left out before they came to :func:`append`."""
    tallies.add(connection, {(tallies.DUPLICATES, ""): amount})


def head(connection: sqlite3.Connection) -> Head:
    """The end of the chain."""
    sequence, hashed = connection.execute("SELECT sequence, hash FROM chain").fetchone()
    return Head(sequence, hashed.hex())


def _new(connection: sqlite3.Connection, drafts: Sequence[Draft]) -> list[Draft]:
    standing = known(connection, (draft.uid for draft in drafts))
    (horizon,) = connection.execute("SELECT horizon FROM chain").fetchone()
    new = []
    for draft in drafts:
        forgotten = draft.at <= horizon and draft.kind is Kind.EVENT
        if draft.uid not in standing and not forgotten:
            standing.add(draft.uid)
            new.append(draft)
    return new


_Row = tuple[int, str, float, float, int, bytes, bytes]


def _rows(
    connection: sqlite3.Connection, drafts: Sequence[Draft], now: float
) -> tuple[list[_Row], int]:
    """The rows of the table, and the sequence of the first."""
    before, previous, offset = connection.execute(
        "SELECT sequence, hash, offset FROM chain"
    ).fetchone()
    recorded, said = quantized(now), iso(now)
    rows: list[_Row] = []
    for sequence, draft in enumerate(drafts, start=before + 1):
        text = body(draft, sequence=sequence, previous=previous.hex(), recorded=said)
        previous = sha256(text).digest()
        offset += len(text)
        rows.append((sequence, draft.uid, quantized(draft.at), recorded, offset, previous, text))
    return rows, before + 1


def _insert(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    try:
        connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    except sqlite3.IntegrityError as error:
        raise StorageFailed(
            f"the audit log does not fit its own end ({error}): somebody else changed it; nothing "
            "was appended; run `flatfile-exporter audit verify` and restore a copy that verifies"
        ) from error


def _count(
    connection: sqlite3.Connection, new: Sequence[Draft], first: int, duplicates: int, now: float
) -> None:
    events = [draft for draft in new if draft.kind is Kind.EVENT]
    named = [
        (draft.fields["actor"]["id"], draft.unresolved, sequence)
        for sequence, draft in enumerate(new, start=first)
        if draft.unresolved is not None
    ]
    counted: dict[tallies.Key, float] = {
        (tallies.RECORDS, ""): len(new),
        (tallies.DUPLICATES, ""): duplicates,
        (tallies.LATE, ""): sum(draft.late for draft in new),
        (tallies.GAPS, ""): sum(draft.kind is Kind.GAP for draft in new),
    }
    for _, kind, _ in named:
        counted[tallies.UNRESOLVED, kind] = counted.get((tallies.UNRESOLVED, kind), 0) + 1
    # What is read again of long ago says nothing about how far the feed is behind.
    counted |= tallies.lags(now - e.at for e in events if e.fields.get("source") != "backfill")
    tallies.add(connection, counted)
    unresolved.note(connection, named)
    newest = max((event.at for event in events if event.at <= now + _AHEAD), default=None)
    if newest is not None:
        tallies.raise_to(connection, (tallies.NEWEST, ""), newest)
