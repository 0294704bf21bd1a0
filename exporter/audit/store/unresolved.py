"""Actors of whom nothing but the id is known, and the records that name them."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.audit.record import ActorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """``first`` and ``last`` are sequences; ``records`` of those between name the actor."""

    actor_id: str
    kind: ActorKind
    first: int
    last: int
    records: int


def unresolved(connection: sqlite3.Connection) -> list[Unresolved]:
    """All of them, the longest waiting first."""
    return [
        Unresolved(actor_id=actor_id, kind=ActorKind(kind), first=first, last=last, records=records)
        for actor_id, kind, first, last, records in connection.execute(
            "SELECT actor_id, kind, first, last, records FROM unresolved ORDER BY first"
        )
    ]


def resolved(connection: sqlite3.Connection, actor_id: str) -> None:
    """The amendment for that actor is appended in the same transaction."""
    connection.execute("DELETE FROM unresolved WHERE actor_id = ?", (actor_id,))


def note(connection: sqlite3.Connection, named: Iterable[tuple[str, ActorKind, int]]) -> None:
    """Records with such an actor were appended: the actor's id and kind, and the sequence."""
    added: dict[str, tuple[str, ActorKind, int, int, int]] = {}
    for actor_id, kind, sequence in named:
        _, _, first, _, records = added.get(actor_id, (actor_id, kind, sequence, sequence, 0))
        added[actor_id] = (actor_id, kind, first, sequence, records + 1)
    connection.executemany(
        "INSERT INTO unresolved VALUES (?, ?, ?, ?, ?) ON CONFLICT (actor_id)"
        " DO UPDATE SET last = excluded.last, records = records + excluded.records",
        added.values(),
    )
