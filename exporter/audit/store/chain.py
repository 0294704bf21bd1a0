"""Appending: each id once, each record linked to the one before it by that one's hash."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
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
    end = _End(*connection.execute("SELECT sequence, hash, offset FROM chain").fetchone())
    first = end.sequence + 1
    if new:
        _insert(connection, _rows(end, new, now))
        connection.execute(
            "UPDATE chain SET sequence = ?, hash = ?, offset = ?",
            (end.sequence, end.hash, end.offset),
        )
    duplicates = len(drafts) - len(new)
    _count(connection, new, first, duplicates, now)
    return Appended(records=len(new), duplicates=duplicates, first=first, last=end.sequence)


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


@dataclass(slots=True)
class _End:
    """Of the chain, while it grows."""

    sequence: int
    hash: bytes
    offset: int


def _rows(end: _End, drafts: Iterable[Draft], now: float) -> Iterator[_Row]:
    """The rows of the table, one by one, so that no more than one body is held."""
    recorded, said = quantized(now), iso(now)
    for draft in drafts:
        end.sequence += 1
        text = body(draft, sequence=end.sequence, previous=end.hash.hex(), recorded=said)
        end.hash = sha256(text).digest()
        end.offset += len(text)
        at = quantized(draft.at)
        yield end.sequence, draft.uid, at, recorded, end.offset, end.hash, text


def _insert(connection: sqlite3.Connection, rows: Iterator[_Row]) -> None:
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
