"""Names and e-mail addresses of people, apart from the chain so that they can be erased.

A record holds a commitment: HMAC-SHA256 (RFC 2104) with a random key of 32 bytes that belongs to
one person. Destroy the key, and nobody can tell any more whose name it was, nor try names until
one fits; the record stays as it was and the chain still verifies.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterable

from exporter.audit.canonical import encodable
from exporter.audit.store.schema import PEOPLE, make

PREFIX = "hmac-sha256:"
_LONGEST = 500  # characters, as of the names of things


def commitment(
    connection: sqlite3.Connection, person_id: str, value: str, *, keep_plain: bool
) -> str | None:
    """The commitment to a name or an address; the plain text is kept beside it if asked for.

    None if the person was erased (they stay so), or if there is nothing to commit to.
    """
    if not value:
        return None
    key = _key(connection, person_id)
    if key is None:
        return None
    value = told(value)
    made = commit(key, value)
    connection.execute(
        "INSERT INTO commitment VALUES (?, ?, ?) ON CONFLICT (commitment)"
        " DO UPDATE SET plain = excluded.plain WHERE excluded.plain IS NOT plain",
        (made, person_id, value if keep_plain else None),
    )
    return made


def told(value: str) -> str:
    """A name or an address as it is committed to.

    Not however long it is: sinks refuse records that are too large, and some people choose their
    names themselves.
    """
    return encodable(value)[:_LONGEST]


def commit(key: bytes, value: str) -> str:
    """The commitment itself, as it stands in a record."""
    return PREFIX + hmac.digest(key, value.encode(), hashlib.sha256).hex()


def plain(connection: sqlite3.Connection, commitments: Iterable[str]) -> dict[str, str]:
    """The plain text of those of which it is kept."""
    return dict(
        connection.execute(
            "SELECT commitment, plain FROM commitment"
            " WHERE commitment IN (SELECT value FROM json_each(?)) AND plain IS NOT NULL",
            (json.dumps(list(commitments)),),
        )
    )


def erase(connection: sqlite3.Connection, person_id: str) -> bool:
    """Destroy a person's key and all plain text of them; whether there was a key."""
    done = connection.execute(
        "UPDATE person SET key = NULL WHERE id = ? AND key IS NOT NULL", (person_id,)
    )
    if done.rowcount == 0:
        return False
    connection.execute("DELETE FROM commitment WHERE person_id = ?", (person_id,))
    _write_anew(connection)
    return True


def forget(connection: sqlite3.Connection) -> int:
    """Destroy all plain text, whosever it is; of how many names and addresses.

    The commitments stay as they are, so that everybody can still be found.
    """
    done = connection.execute("UPDATE commitment SET plain = NULL WHERE plain IS NOT NULL")
    if done.rowcount:
        _write_anew(connection)
    return done.rowcount


def gone(connection: sqlite3.Connection) -> bool:
    """Whether nothing of what was destroyed is left in the file or its journal."""
    (waits,) = connection.execute("SELECT scrub FROM chain").fetchone()
    return not waits


def erased(connection: sqlite3.Connection, person_ids: Iterable[str]) -> frozenset[str]:
    """Those of them whose key was destroyed."""
    return frozenset(
        id_
        for (id_,) in connection.execute(
            "SELECT id FROM person WHERE key IS NULL AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(person_ids)),),
        )
    )


def find(connection: sqlite3.Connection, text: str) -> list[str]:
    """Ids of the persons whose id, name or address is exactly ``text``.

    Commits to it with every key there is, so it works where no plain text is kept.
    """
    text = told(text)
    found = []
    for person_id, key in connection.execute("SELECT id, key FROM person ORDER BY id").fetchall():
        if person_id == text or (key is not None and _has(connection, person_id, key, text)):
            found.append(str(person_id))
    return found


def _has(connection: sqlite3.Connection, person_id: str, key: bytes, text: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM commitment WHERE commitment = ? AND person_id = ?",
        (commit(key, text), person_id),
    ).fetchone()
    return row is not None


def _key(connection: sqlite3.Connection, person_id: str) -> bytes | None:
    """The person's key, made on first use; None if it was destroyed."""
    connection.execute(
        "INSERT OR IGNORE INTO person VALUES (?, ?)", (person_id, secrets.token_bytes(32))
    )
    (key,) = connection.execute("SELECT key FROM person WHERE id = ?", (person_id,)).fetchone()
    return None if key is None else bytes(key)


def _write_anew(connection: sqlite3.Connection) -> None:
    """Write the tables without what is gone from them.

    SQLite clears what it deletes (``secure_delete``), but not the copies that were left behind when
    a page was split (measured: one in 1,500). The journal is cleared by
    :class:`exporter.audit.store.database.Database`, after the commit.
    """
    for table in ("person", "commitment"):
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    connection.execute("DROP INDEX commitment_person")
    make(connection, PEOPLE)
    for table in ("person", "commitment"):
        connection.execute(f"INSERT INTO {table} SELECT * FROM old_{table} ORDER BY rowid")  # noqa: S608 - the names of two tables of ours
        connection.execute(f"DROP TABLE old_{table}")
    connection.execute("UPDATE chain SET scrub = 1")
