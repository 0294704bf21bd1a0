"""Appending: each id once, each record linked to the one before it by that one's hash."""

import sqlite3
from binascii import hexlify
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import TypeVar

import orjson

from exporter.audit.record import EVENT, Draft
from exporter.audit.store import tallies
from exporter.audit.store.counting import Count
from exporter.audit.store.times import iso, iso_of, milliseconds, quantized
from exporter.audit.store.writing import body
from exporter.errors import StorageFailed
from exporter.precedence import GiveWay, never

T = TypeVar("T")

_PART = 50  # drafts
_BETWEEN_RESTS = 5  # drafts or rows, a tenth of a millisecond: the longest that an answer waits
_STANDING = "SELECT uid FROM record WHERE uid IN (SELECT value FROM json_each(?))"
_BURIED = "SELECT uid FROM buried WHERE uid IN (SELECT value FROM json_each(?))"


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


def append(
    connection: sqlite3.Connection,
    drafts: Iterable[Draft],
    *,
    now: float,
    give_way: GiveWay = never,
    absent_at: int | None = None,
) -> Appended:
    """Append what does not stand yet, in the order given, and count it.

    What stands already is told by its uid, also within ``drafts``; an event as old as what was
    pruned cannot be told apart from it and counts as a duplicate. ``absent_at`` is the sequence of
    the head at which none of them stood; where that still is the head, they are not looked for.
    """
    *ends, horizon = connection.execute(
        "SELECT sequence, hash, offset, horizon FROM chain"
    ).fetchone()
    end = _End(*ends)
    before = end.sequence
    count = Count(now)
    given = 0

    def new() -> Iterator[Draft]:
        nonlocal given
        met: set[str] = set()
        left = _resting(drafts, give_way)
        # A few at a time, which are still in the processor's cache when their turn comes.
        while part := list(islice(left, _PART)):
            given += len(part)
            standing = met if absent_at == before else known(connection, (it.uid for it in part))
            fresh = _new(part, standing, horizon)
            count.add(fresh, end.sequence + 1)
            yield from fresh

    _insert(connection, _resting(_rows(end, new(), now), give_way))
    if end.sequence > before:
        connection.execute(
            "UPDATE chain SET sequence = ?, hash = ?, offset = ?",
            (end.sequence, end.hash, end.offset),
        )
    records = end.sequence - before
    count.write(connection, records=records, duplicates=given - records)
    return Appended(
        records=records, duplicates=given - records, first=before + 1, last=end.sequence
    )


def known(connection: sqlite3.Connection, uids: Iterable[str]) -> set[str]:
    """Those that stand already, or did."""
    asked = (orjson.dumps([*uids]).decode(),)
    found = set(connection.execute(_STANDING, asked))
    if connection.execute("SELECT 1 FROM buried LIMIT 1").fetchone():  # most often none is
        found.update(connection.execute(_BURIED, asked))
    return {uid for (uid,) in found}


def counted_duplicates(connection: sqlite3.Connection, amount: int) -> None:
    """So many that were known were left out before they came to :func:`append`."""
    tallies.add(connection, {(tallies.DUPLICATES, ""): amount})


def head(connection: sqlite3.Connection) -> Head:
    """The end of the chain."""
    sequence, hashed = connection.execute("SELECT sequence, hash FROM chain").fetchone()
    return Head(sequence, hashed.hex())


def _new(drafts: Sequence[Draft], standing: set[str], horizon: float) -> list[Draft]:
    """``standing`` grows by them."""
    new = []
    beyond = horizon + 1.0  # by far: a time is stored in milliseconds, and what is shown is finer
    for draft in drafts:
        uid = draft.uid
        if uid in standing or (
            draft.at < beyond and draft.kind is EVENT and quantized(draft.at) <= horizon
        ):
            continue
        standing.add(uid)
        new.append(draft)
    return new


def _resting(things: Iterable[T], give_way: GiveWay) -> Iterator[T]:
    for number, thing in enumerate(things):
        if not number % _BETWEEN_RESTS:
            give_way()
        yield thing


_Row = tuple[int, str, float, float, int, bytes, bytes]


@dataclass(slots=True)
class _End:
    """Of the chain, while it grows."""

    sequence: int
    hash: bytes
    offset: int


def _rows(end: _End, drafts: Iterable[Draft], now: float) -> Iterator[_Row]:
    """The rows of the table, one by one, so that no more than one body is held."""
    recorded, said = quantized(now), iso(now).encode()
    for draft in drafts:
        sequence = end.sequence = end.sequence + 1
        at = milliseconds(draft.at)
        text = body(draft, sequence, hexlify(end.hash), iso_of(at).encode(), said)
        hashed = end.hash = sha256(text).digest()
        end.offset += len(text)
        yield sequence, draft.uid, at / 1000, recorded, end.offset, hashed, text


def _insert(connection: sqlite3.Connection, rows: Iterator[_Row]) -> None:
    try:
        connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    except sqlite3.IntegrityError as error:
        if "record." not in str(error):  # what the drafts note on the way: our bug
            raise
        raise StorageFailed(
            f"the audit log does not fit its own end ({error}): somebody else changed it; nothing "
            "was appended; run `flatfile-exporter audit verify` and restore a copy that verifies"
        ) from error
