"""A mark that changes with what is known, so that copies in memory can tell whether they hold.

It stands in the database: a transaction that is rolled back takes it back with the rest.
"""

import sqlite3


def mark(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT mark FROM knowledge").fetchone()
    return int(found)


def touch(connection: sqlite3.Connection) -> int:
    """Say that something has changed. Random, so that no two changes are taken for one."""
    (found,) = connection.execute("UPDATE knowledge SET mark = random() RETURNING mark").fetchone()
    return int(found)
