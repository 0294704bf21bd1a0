"""Names of Spaces and environments over time, told by events, listings and lookups.

Whoever renames one sends an event, so that a name holds until another one is told. Events may come
in any order, those of a backfill long after those of today; so each telling is a version, also one
that says nothing new, for another name may still turn up in between.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from exporter.audit.knowledge import noting, versions
from exporter.audit.knowledge.marks import touch
from exporter.audit.knowledge.versions import Presence, Seen, Thing, Version

_MOST = 100
"""Versions of one thing from which those are dropped that say the same as both of their neighbours:
a Space may be updated all day without being renamed."""


def tell(
    connection: sqlite3.Connection,
    seen: Seen,
    *,
    at: float,
    now: float,
    presence: Presence = Presence.NO,
) -> None:
    """Note that a thing had that name at a time; ``presence`` is whether it was listed so."""
    before = versions.history(connection, seen.kind, seen.id)
    seen = _placed(connection, seen, before)
    if (at, seen.label) not in {(version.since, version.label) for version in before}:
        number = noting.following(before)
        noting.insert(connection, seen, number=number, since=at, now=now)
    if presence is Presence.YES or any(version.presence for version in before):
        _show_newest(connection, seen)
    if len(before) >= _MOST:
        _thin(connection, versions.history(connection, seen.kind, seen.id))


def listed(connection: sqlite3.Connection, kind: Thing) -> dict[str, tuple[str | None, str]]:
    """By id, the newest name and the scope of all things of a kind that were listed."""
    rows = connection.execute(
        "SELECT id, label, scope FROM version WHERE kind = ? AND presence = 1", (kind.value,)
    )
    return {id_: (label, scope) for id_, label, scope in rows}


def called(connection: sqlite3.Connection, kind: Thing, given: Iterable[str]) -> set[str]:
    """The ids of all things of a kind that have one of these names, or slugs, now."""
    return {
        id_
        for (id_,) in connection.execute(
            "SELECT id FROM version v WHERE kind = ? AND label IN (SELECT value FROM json_each(?))"
            " AND NOT EXISTS (SELECT 1 FROM version w WHERE w.kind = v.kind AND w.id = v.id"
            " AND (w.since, w.number) > (v.since, v.number))",
            (kind.value, json.dumps(list(given))),
        )
    }


def newest(connection: sqlite3.Connection, kind: Thing, id_: str) -> str | None:
    """The name that a thing has now."""
    known = versions.history(connection, kind, id_)
    return known[-1].label if known else None


def _placed(connection: sqlite3.Connection, seen: Seen, before: Sequence[Version]) -> Seen:
    """With the environment of a Space, which never changes, from whoever knows it."""
    scope = before[-1].scope if before else seen.scope
    if scope == seen.scope or not seen.scope:
        return replace(seen, scope=scope)
    connection.execute(
        "UPDATE version SET scope = ? WHERE kind = ? AND id = ?",
        (seen.scope, seen.kind.value, seen.id),
    )
    touch(connection)
    return seen


def _show_newest(connection: sqlite3.Connection, seen: Seen) -> None:
    row = versions.history(connection, seen.kind, seen.id)[-1].row
    connection.execute(
        "UPDATE version SET presence = (row = ?) WHERE kind = ? AND id = ?",
        (row, seen.kind.value, seen.id),
    )


def _thin(connection: sqlite3.Connection, known: Sequence[Version]) -> None:
    rows = [
        (here.row,)
        for left, here, right in zip(known, known[1:], known[2:], strict=False)
        if left.label == here.label == right.label
    ]
    connection.executemany("DELETE FROM version WHERE row = ?", rows)
