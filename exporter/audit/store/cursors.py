"""Up to which time something was read, by scope: ``feed``, ``feed/<environment id>`` and so on.

Times are Unix seconds by the server's clock.
"""

import sqlite3
from collections.abc import Iterable

Change = tuple[str, float | None]
"""A scope and what its mark becomes, earlier or later; None where it is forgotten."""


def mark(connection: sqlite3.Connection, scope: str) -> float | None:
    """Up to when that was read; None before the first time."""
    row = connection.execute("SELECT at FROM cursor WHERE scope = ?", (scope,)).fetchone()
    return None if row is None else float(row[0])


def advance(connection: sqlite3.Connection, scope: str, at: float) -> None:
    """All up to ``at`` was read. Never moves back."""
    connection.execute(
        "INSERT INTO cursor VALUES (?, ?) ON CONFLICT (scope)"
        " DO UPDATE SET at = max(at, excluded.at)",
        (scope, at),
    )


def forget(connection: sqlite3.Connection, scope: str) -> None:
    """As if it had never been read."""
    connection.execute("DELETE FROM cursor WHERE scope = ?", (scope,))


def change(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """In this order."""
    for scope, at in changes:
        forget(connection, scope)
        if at is not None:
            advance(connection, scope, at)


def marks(connection: sqlite3.Connection, prefix: str) -> dict[str, float]:
    """All marks whose scope begins with ``prefix``, by scope."""
    return dict(
        connection.execute(
            "SELECT scope, at FROM cursor WHERE substr(scope, 1, length(?)) = ? ORDER BY scope",
            (prefix, prefix),
        )
    )
