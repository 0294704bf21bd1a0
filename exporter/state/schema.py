"""The tables, as a list of steps that are only ever appended to.

``PRAGMA user_version`` says how many steps a file has taken.
"""

import sqlite3
from collections.abc import Callable


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


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_create,)


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing, each in a transaction of its own.

    Raises ValueError if the file has taken more steps than this program knows.
    """
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    if taken > len(STEPS):
        raise ValueError(f"it has schema {taken} and this version knows only {len(STEPS)}")
    for number, step in enumerate(STEPS[taken:], start=taken + 1):
        connection.execute("BEGIN IMMEDIATE")
        step(connection)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
