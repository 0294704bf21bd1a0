"""The difference between a whole listing and the one before it.

A scope is what is listed as a whole: all users of the account, the guests or agents of one
environment. Its first listing is no difference; it fills the table. But if the environment itself
was made since anything of the kind was first listed, it began empty, and nothing is first.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from exporter.audit.knowledge import deeds, noting, versions
from exporter.audit.knowledge.versions import Presence, Seen, Thing, Version

_AT_ONCE = 2  # one that vanishes alone is believed at once


@unique
class Verb(StrEnum):
    APPEARED = "appeared"
    VANISHED = "vanished"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``number`` is that of the version shown now, or of the one last shown.

    ``listed_at`` is the listing before, Unix seconds.
    """

    verb: Verb
    number: int
    seen: Seen | None
    before: Version | None
    listed_at: float

    @property
    def thing(self) -> Seen | Version:
        """As it is now, or as it was last."""
        found = self.seen or self.before
        if found is None:
            raise ValueError("a difference is about something")
        return found


def compare(
    connection: sqlite3.Connection,
    kind: Thing,
    scopes: Collection[str],
    seen: Iterable[Seen],
    now: float,
    *,
    doubt: bool = True,
) -> list[Difference]:
    """Note a whole listing of some scopes; how it differs from those before.

    Nothing may be ``seen`` that is of another scope.
    With ``doubt``, more than half of all that vanishes at once is believed only if the next
    listing agrees: a token that lost a right lists little and calls it success.
    """
    found: list[Difference] = []
    gone: list[tuple[Version, float]] = []
    had = 0
    by_scope: dict[str, dict[str, Seen]] = {scope: {} for scope in sorted(scopes)}
    for one in seen:
        by_scope[one.scope][one.id] = one
    for scope, shown in by_scope.items():
        listed_at = last(connection, kind, scope)
        silent = listed_at is None and not _began_empty(connection, kind, scope)
        listed_at = now if listed_at is None else listed_at
        before = versions.listed(connection, kind, scope)
        had += len(before)
        for one in shown.values():
            difference = _met(connection, one, before.get(one.id), now, listed_at)
            if difference and not silent:
                found.append(difference)
        gone += [(old, listed_at) for id_, old in before.items() if id_ not in shown]
        _note(connection, kind, scope, now)
    believed = _believed(connection, gone, had, now) if doubt else gone
    for old, listed_at in believed:
        noting.vanish(connection, old, listed_at)
        found.append(
            Difference(
                verb=Verb.VANISHED, number=old.number, seen=None, before=old, listed_at=listed_at
            )
        )
    return found


def last(connection: sqlite3.Connection, kind: Thing, scope: str) -> float | None:
    """When the scope was last listed."""
    row = connection.execute(
        "SELECT at FROM listing WHERE kind = ? AND scope = ?", (kind.value, scope)
    ).fetchone()
    return float(row[0]) if row else None


def _met(
    connection: sqlite3.Connection, seen: Seen, old: Version | None, now: float, listed_at: float
) -> Difference | None:
    """A thing that is in the listing. ``old`` is its version in the listing before."""
    if old is not None and old.shows(seen):
        if old.missed is not None:
            noting.show(connection, old)
        return None
    before = versions.history(connection, seen.kind, seen.id)
    if not before:
        since = noting.start(seen, now)
        noting.insert(connection, seen, number=1, since=since, now=now, presence=Presence.YES)
        number = 1
    elif old is None and before[-1].presence == Presence.NO and before[-1].shows(seen):
        noting.reach_back(connection, before, noting.start(seen, now))
        noting.show(connection, before[-1])
        number = before[-1].number
    else:
        number = noting.succeed(
            connection,
            seen,
            before,
            now,
            presence=Presence.YES,
            listed_at=listed_at if old is not None else None,
        )
    verb = Verb.APPEARED if old is None else Verb.CHANGED
    return Difference(verb=verb, number=number, seen=seen, before=old, listed_at=listed_at)


def _believed(
    connection: sqlite3.Connection, gone: Sequence[tuple[Version, float]], had: int, now: float
) -> list[tuple[Version, float]]:
    if len(gone) < _AT_ONCE or 2 * len(gone) <= had:
        return list(gone)
    for old, _ in gone:
        if old.missed is None:
            noting.miss(connection, old, now)
    return [(old, listed_at) for old, listed_at in gone if old.missed is not None]


def _began_empty(connection: sqlite3.Connection, kind: Thing, scope: str) -> bool:
    born = deeds.environment_born(connection, scope)
    (first,) = connection.execute(
        "SELECT min(first) FROM listing WHERE kind = ?", (kind.value,)
    ).fetchone()
    return born is not None and first is not None and born > first


def _note(connection: sqlite3.Connection, kind: Thing, scope: str, now: float) -> None:
    connection.execute(
        "INSERT INTO listing VALUES (?, ?, ?, ?) ON CONFLICT (kind, scope)"
        " DO UPDATE SET at = max(at, excluded.at)",
        (kind.value, scope, now, now),
    )
