"""The tables, as a list of steps that are only ever appended to.

``PRAGMA user_version`` says how many steps a file has taken.
"""

import sqlite3
from collections.abc import Callable, Sequence

Step = Callable[[sqlite3.Connection], None]


def _create(connection: sqlite3.Connection) -> None:
    # Rowid tables on purpose: WITHOUT ROWID was measured four times slower for text keys.
    connection.execute(
        "CREATE TABLE cursor (name TEXT PRIMARY KEY, origin REAL NOT NULL, mark REAL NOT NULL)"
    )
    connection.execute("CREATE TABLE horizon (feed TEXT PRIMARY KEY, at REAL NOT NULL)")
    connection.execute(
        "CREATE TABLE tally (id INTEGER PRIMARY KEY, feed TEXT NOT NULL,"
        " environment_id TEXT NOT NULL, topic TEXT NOT NULL, result TEXT NOT NULL,"
        " total INTEGER NOT NULL, newest REAL NOT NULL,"
        " UNIQUE (feed, environment_id, topic, result))"
    )
    connection.execute(
        "CREATE TABLE seen (key TEXT PRIMARY KEY, at REAL NOT NULL, tally INTEGER NOT NULL)"
    )
    connection.execute("CREATE INDEX seen_at ON seen (at, tally)")
    connection.execute("CREATE TABLE sighting (environment_id TEXT PRIMARY KEY, at REAL NOT NULL)")


STEPS: tuple[Step, ...] = (_create,)


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps of the state that are missing; raises as :func:`take`."""
    take(connection, STEPS)


def take(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Take the steps that are missing, each in a transaction of its own.

    Another process may do the same at the same time. Raises ValueError if the file has taken more
    steps than this program knows.
    """
    while (taken := _taken(connection)) != len(steps):
        if taken > len(steps):
            raise ValueError(f"it has schema {taken} and this version knows only {len(steps)}")
        connection.execute("BEGIN IMMEDIATE")
        if _taken(connection) == taken:
            steps[taken](connection)
            connection.execute(f"PRAGMA user_version = {taken + 1}")
        connection.execute("COMMIT")


def _taken(connection: sqlite3.Connection) -> int:
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    return int(taken)
