"""Writing down how a thing was met: which version it is, and since when that holds."""

import sqlite3
from collections.abc import Sequence

from exporter.audit.knowledge import versions
from exporter.audit.knowledge.marks import touch
from exporter.audit.knowledge.versions import Presence, Seen, Version


def learn(connection: sqlite3.Connection, seen: Seen, now: float) -> None:
    """Note that somebody was as they were ``seen`` in a lookup."""
    before = versions.history(connection, seen.kind, seen.id)
    if not before:
        insert(connection, seen, number=1, since=start(seen, now), now=now)
        return
    newest = before[-1]
    if newest.shows(seen):
        reach_back(connection, before, start(seen, now))
    elif newest.presence != Presence.YES:
        succeed(connection, seen, before, now, presence=Presence(newest.presence))
    # Else the next listing will show the change, and then it becomes a record.


def start(seen: Seen, at: float) -> float:
    """Since when the thing has been as it was seen at a time."""
    return at if seen.unchanged is None else min(at, seen.unchanged)


def succeed(
    connection: sqlite3.Connection,
    seen: Seen,
    before: Sequence[Version],
    now: float,
    *,
    presence: Presence,
    listed_at: float | None = None,
) -> int:
    """Let a new version follow the newest one; its number.

    ``listed_at`` is when a listing last showed the newest one.
    """
    newest = before[-1]
    held = newest.until or max(newest.since, newest.noted, listed_at or newest.noted)
    since = start(seen, now)
    if since <= held:  # the time of change is of no use: it was seen unchanged after that
        since = max(now, newest.since)
    connection.execute(
        "UPDATE version SET until = ?, presence = 0, missed = NULL WHERE row = ?",
        (held if held < since else None, newest.row),
    )
    number = following(before)
    insert(connection, seen, number=number, since=since, now=now, presence=presence)
    return number


def following(before: Sequence[Version]) -> int:
    """The number of the next version."""
    return 1 + max((version.number for version in before), default=0)


def insert(
    connection: sqlite3.Connection,
    seen: Seen,
    *,
    number: int,
    since: float,
    now: float,
    presence: Presence = Presence.NO,
) -> None:
    """A new row; see the columns of the table."""
    connection.execute(
        "INSERT INTO version (kind, id, number, since, noted, basis, scope, name, email, label,"
        " updated, presence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(seen.kind.value, seen.id, number, since, now, seen.basis.value, seen.scope),
            *(seen.name, seen.email, seen.label, seen.stamp, presence.value),
        ),
    )
    touch(connection)


def reach_back(connection: sqlite3.Connection, before: Sequence[Version], since: float) -> None:
    """The newest version is known to hold from earlier on, but not from before its predecessor."""
    newest = before[-1]
    ends = [version.until or version.since for version in before[-2:-1]]
    floor = max(ends, default=float("-inf"))
    if floor < since < newest.since:
        connection.execute("UPDATE version SET since = ? WHERE row = ?", (since, newest.row))
        touch(connection)


def show(connection: sqlite3.Connection, version: Version) -> None:
    """Note that the newest listing showed that version."""
    connection.execute(
        "UPDATE version SET presence = 1, missed = NULL, until = NULL WHERE row = ?",
        (version.row,),
    )
    touch(connection)


def vanish(connection: sqlite3.Connection, version: Version, until: float) -> None:
    """Note that a listing did not show the thing any more; ``until`` is when one last did."""
    connection.execute(
        "UPDATE version SET presence = 2, missed = NULL, until = ? WHERE row = ?",
        (until, version.row),
    )
    touch(connection)


def miss(connection: sqlite3.Connection, version: Version, now: float) -> None:
    """Note that a listing did not show the thing, which is not believed yet."""
    connection.execute("UPDATE version SET missed = ? WHERE row = ?", (now, version.row))
