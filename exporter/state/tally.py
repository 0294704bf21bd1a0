"""Counting each thing exactly once, whatever the order and however often it is shown.

The key of everything counted is kept until no question can bring it up again; that bound is the
feed's ``horizon``, and what is older than the horizon can no longer be told apart and is not
counted. Keys, totals and cursor change in one transaction, so a kill neither loses nor doubles.

Times are Unix seconds by the server's clock.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cursor:
    """``mark`` is the time up to which all was read; nothing before ``origin`` is counted."""

    origin: float
    mark: float


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to count. ``result`` is empty where a feed has no results."""

    key: str
    at: float
    environment_id: str
    topic: str
    result: str = ""


Group = tuple[str, str, str]
"""Environment id, topic, result."""


@dataclass(frozen=True, slots=True)
class Totals:
    """``total`` and ``newest`` (Unix seconds) since the state was created; ``recent`` of late."""

    total: Mapping[Group, int]
    newest: Mapping[Group, float]
    recent: Mapping[Group, int]


def cursor(connection: sqlite3.Connection, name: str, first: Cursor) -> Cursor:
    """The cursor of that name; a new one is ``first``."""
    connection.execute(
        "INSERT OR IGNORE INTO cursor VALUES (?, ?, ?)", (name, first.origin, first.mark)
    )
    return peek(connection, name) or first


def peek(connection: sqlite3.Connection, name: str) -> Cursor | None:
    """The cursor of that name, if there is one."""
    row = connection.execute("SELECT origin, mark FROM cursor WHERE name = ?", (name,)).fetchone()
    return Cursor(*row) if row else None


def advance(connection: sqlite3.Connection, name: str, mark: float) -> None:
    """Everything up to ``mark`` was read. Never moves back."""
    connection.execute("UPDATE cursor SET mark = max(mark, ?) WHERE name = ?", (mark, name))


def uncounted(
    connection: sqlite3.Connection, feed: str, items: Iterable[Item], origin: float
) -> tuple[Item, ...]:
    """Those that would be counted: each key once, not known yet, not too old to be told apart."""
    bound = max(origin, _horizon(connection, feed))
    offered = {item.key: item for item in items if item.at >= bound}
    for (key,) in connection.execute(
        "SELECT key FROM seen WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(offered)),),
    ):
        del offered[key]
    return tuple(offered.values())


def count(
    connection: sqlite3.Connection,
    feed: str,
    items: Iterable[Item],
    origin: float,
    moved: tuple[str, float] | None = None,
) -> int:
    """Count what was not counted before; how many those were.

    ``moved`` is a cursor, and up to when everything was read with them.
    """
    if moved:
        advance(connection, *moved)
    fresh = uncounted(connection, feed, items, origin)
    if not fresh:
        return 0
    times: defaultdict[Group, list[float]] = defaultdict(list)
    for item in fresh:
        times[item.environment_id, item.topic, item.result].append(item.at)
    ids = _add(connection, feed, times)
    connection.executemany(
        "INSERT INTO seen VALUES (?, ?, ?)",
        ((i.key, i.at, ids[i.environment_id, i.topic, i.result]) for i in fresh),
    )
    return len(fresh)


def totals(connection: sqlite3.Connection, feed: str, since: float, until: float) -> Totals:
    """All totals of a feed; ``recent`` counts what lies in ``since`` < time <= ``until``."""
    groups: dict[int, Group] = {}
    total: dict[Group, int] = {}
    newest: dict[Group, float] = {}
    for number, environment_id, topic, result, n, at in connection.execute(
        "SELECT id, environment_id, topic, result, total, newest FROM tally WHERE feed = ?", (feed,)
    ):
        group = groups[number] = (environment_id, topic, result)
        total[group], newest[group] = n, at
    recent = dict.fromkeys(total, 0)
    for number, n in connection.execute(
        "SELECT tally, count(*) FROM seen WHERE at > ? AND at <= ? GROUP BY tally", (since, until)
    ):
        if number in groups:  # other feeds' keys are in the same table
            recent[groups[number]] = n
    return Totals(total=total, newest=newest, recent=recent)


def prune(
    connection: sqlite3.Connection,
    feed: str,
    *,
    before: float,
    overlap: float,
    live: frozenset[str],
) -> None:
    """Forget keys that neither the window nor a cursor can bring up again.

    The window begins at ``before``; a cursor asks ``overlap`` seconds further back than its mark.
    Cursors of the feed that are not in ``live`` and stand before the window belong to
    environments that are gone; they go too, since one that stands still would keep every key.
    """
    mine = connection.execute(
        "SELECT name, mark FROM cursor WHERE name = ? OR name LIKE ? || '/%'", (feed, feed)
    ).fetchall()
    dead = {name for name, mark in mine if name not in live and mark < before}
    connection.executemany("DELETE FROM cursor WHERE name = ?", [(name,) for name in dead])
    bound = min([before, *(mark for name, mark in mine if name not in dead)]) - overlap
    bound = max(bound, _horizon(connection, feed))
    connection.execute("INSERT OR REPLACE INTO horizon VALUES (?, ?)", (feed, bound))
    connection.execute(
        "DELETE FROM seen WHERE at < ? AND tally IN (SELECT id FROM tally WHERE feed = ?)",
        (bound, feed),
    )


def _horizon(connection: sqlite3.Connection, feed: str) -> float:
    row = connection.execute("SELECT at FROM horizon WHERE feed = ?", (feed,)).fetchone()
    return float(row[0]) if row else float("-inf")


def _add(
    connection: sqlite3.Connection, feed: str, times: Mapping[Group, Sequence[float]]
) -> dict[Group, int]:
    """Add what has these times to the totals; the number of each group, and of some others.

    All in two calls: one for each group (``RETURNING id``) took half of the time of counting.
    """
    connection.executemany(
        "INSERT INTO tally (feed, environment_id, topic, result, total, newest)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (feed, environment_id, topic, result) DO UPDATE"
        " SET total = total + excluded.total, newest = max(newest, excluded.newest)",
        [(feed, *group, len(when), max(when)) for group, when in times.items()],
    )
    return {
        (environment_id, topic, result): number
        for number, environment_id, topic, result in connection.execute(
            "SELECT id, environment_id, topic, result FROM tally"
            " WHERE feed = ? AND environment_id IN (SELECT value FROM json_each(?))",
            (feed, json.dumps(list({environment_id for environment_id, _, _ in times}))),
        )
    }
