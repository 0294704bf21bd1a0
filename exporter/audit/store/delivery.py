"""How far each sink has come, what it refused, and what is to be sent again.

A sink that is not registered any more keeps its place but holds up nothing.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from exporter.audit.record import Entry
from exporter.audit.store.reading import COLUMNS, entered, entries
from exporter.errors import StorageFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits to be sent. ``oldest`` (Unix seconds) is when the first of it was recorded.

    ``again`` is those of the bytes that wait for the second time.
    """

    records: int
    bytes: int
    again: int = 0
    oldest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that a sink refused for good, at ``at`` (Unix seconds)."""

    sink: str
    sequence: int
    uid: str
    reason: str
    at: float


def register(connection: sqlite3.Connection, sink: str, reasons: Iterable[str] = ()) -> None:
    """From now on records are kept until this sink has them; a new one begins at the start.

    ``reasons`` are those for which it may refuse one: their counts begin at 0.
    """
    connection.execute(
        "INSERT INTO sink VALUES (?, 0, 1) ON CONFLICT (name) DO UPDATE SET active = 1", (sink,)
    )
    connection.executemany(
        "INSERT OR IGNORE INTO dead_total VALUES (?, ?, 0)", [(sink, why) for why in reasons]
    )


def retire(connection: sqlite3.Connection, keep: Collection[str]) -> None:
    """Sinks other than these hold up nothing any more."""
    registered = [name for (name,) in connection.execute("SELECT name FROM sink")]
    connection.executemany(
        "UPDATE sink SET active = 0 WHERE name = ?",
        [(name,) for name in registered if name not in keep],
    )


def cursor(connection: sqlite3.Connection, sink: str) -> int:
    """The sequence up to which it has everything; 0 before the first."""
    row = connection.execute("SELECT cursor FROM sink WHERE name = ?", (sink,)).fetchone()
    return 0 if row is None else int(row[0])


def coming(connection: sqlite3.Connection, sink: str, limit: int) -> list[Entry]:
    """The records that are next for a sink, at most ``limit``.

    Raises StorageFailed if one is not there that must be: a damaged file can give fewer rows than
    it holds without a word, and a cursor that went past them would lose them for the sink.
    """
    height, pruned = connection.execute("SELECT sequence, pruned FROM chain").fetchone()
    after = max(cursor(connection, sink), pruned)
    found = entries(connection, after, limit)
    expected = range(after + 1, after + 1 + len(found))
    if [entry.sequence for entry in found] != list(expected) or (not found and after < height):
        raise StorageFailed(
            f"the audit log lacks records after {after}, and its head is {height}: nothing is sent "
            "on; run `flatfile-exporter audit verify` and restore a copy that verifies"
        )
    return found


def acknowledge(
    connection: sqlite3.Connection,
    sink: str,
    upto: int,
    rejected: Mapping[int, str],
    now: float,
) -> None:
    """It has everything up to that sequence but for what it refused, by sequence and reason."""
    connection.execute("UPDATE sink SET cursor = max(cursor, ?) WHERE name = ?", (upto, sink))
    _bury(connection, sink, rejected, now)


def backlog(connection: sqlite3.Connection) -> dict[str, Backlog]:
    """What waits for each registered sink, by its name."""
    height, total, pruned, base = connection.execute(
        "SELECT sequence, offset, pruned, base FROM chain"
    ).fetchone()
    found = {}
    for name, cursor in connection.execute("SELECT name, cursor FROM sink WHERE active").fetchall():
        after = max(cursor, pruned)
        row = connection.execute("SELECT offset FROM record WHERE sequence = ?", (after,))
        ((offset,),) = row.fetchall() or [(base,)]
        again, again_bytes, again_oldest = connection.execute(
            "SELECT count(*), ifnull(sum(length(body)), 0), min(recorded) FROM retry"
            " JOIN record USING (sequence) WHERE sink = ?",
            (name,),
        ).fetchone()
        waiting = connection.execute(
            "SELECT recorded FROM record WHERE sequence > ? ORDER BY sequence LIMIT 1", (after,)
        ).fetchone()
        times = [at for at in (again_oldest, *(waiting or ())) if at is not None]
        found[name] = Backlog(
            records=height - after + again,
            bytes=total - offset + again_bytes,
            again=again_bytes,
            oldest=min(times, default=None),
        )
    return found


def dead_letters(connection: sqlite3.Connection, sink: str | None = None) -> list[DeadLetter]:
    """What was refused and not sent again since, oldest record first."""
    return [
        DeadLetter(sink=name, sequence=sequence, uid=uid, reason=reason, at=at)
        for name, sequence, uid, reason, at in connection.execute(
            "SELECT sink, sequence, uid, reason, dead_letter.at FROM dead_letter"
            " JOIN record USING (sequence) WHERE ?1 IS NULL OR sink = ?1 ORDER BY sink, sequence",
            (sink,),
        )
    ]


def resend(connection: sqlite3.Connection, sink: str | None = None) -> int:
    """Have dead letters sent once more, of one sink or of all; how many those are."""
    connection.execute(
        "INSERT OR IGNORE INTO retry SELECT sink, sequence FROM dead_letter"
        " WHERE ?1 IS NULL OR sink = ?1",
        (sink,),
    )
    return connection.execute(
        "DELETE FROM dead_letter WHERE ?1 IS NULL OR sink = ?1", (sink,)
    ).rowcount


def repeat(connection: sqlite3.Connection, sink: str, sequences: Iterable[int]) -> None:
    """Have these sent, although the sink's cursor is past them."""
    connection.executemany(
        "INSERT OR IGNORE INTO retry VALUES (?, ?)", [(sink, sequence) for sequence in sequences]
    )


def retries(connection: sqlite3.Connection, sink: str, limit: int) -> list[Entry]:
    """Records to be sent once more, oldest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM record WHERE sequence IN"  # noqa: S608 - ours
        " (SELECT sequence FROM retry WHERE sink = ? ORDER BY sequence LIMIT ?) ORDER BY sequence",
        (sink, limit),
    ).fetchall()
    return entered(connection, rows)


def retried(
    connection: sqlite3.Connection,
    sink: str,
    sequences: Collection[int],
    rejected: Mapping[int, str],
    now: float,
) -> None:
    """These were sent once more; those refused again are dead letters again."""
    connection.executemany(
        "DELETE FROM retry WHERE sink = ? AND sequence = ?",
        [(sink, sequence) for sequence in sequences],
    )
    _bury(connection, sink, rejected, now)


def _bury(
    connection: sqlite3.Connection, sink: str, rejected: Mapping[int, str], now: float
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO dead_letter VALUES (?, ?, ?, ?)",
        [(sink, sequence, reason, now) for sequence, reason in rejected.items()],
    )
    connection.executemany(
        "INSERT INTO dead_total VALUES (?, ?, 1) ON CONFLICT (sink, reason)"
        " DO UPDATE SET total = total + 1",
        [(sink, reason) for reason in rejected.values()],
    )
