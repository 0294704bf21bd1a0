"""Lookups that came to nothing, and when they may be made again.

In a table, so that a restart does not begin to ask anew for a thousand guests who are gone.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence

Key = tuple[str, str]
"""Kind and id of a thing."""

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0

FAILED = (_MINUTE, 5 * _MINUTE, _HOUR)
"""Seconds until a question that failed is asked again, growing to the last of them."""
MISSING = (10 * _MINUTE, 2 * _HOUR, _DAY, 30 * _DAY)
"""The same for what was not found: new things may take a moment to be found, old ones are gone."""
TROUBLED = (_MINUTE, 5 * _MINUTE)
"""The same for all questions after the API was in trouble: each batch would wait for it in vain."""

EVERYTHING: Key = ("", "")
"""Stands for all questions."""


def postpone(connection: sqlite3.Connection, key: Key, pauses: Sequence[float], now: float) -> None:
    """Wait for the next of these pauses."""
    row = connection.execute("SELECT tries FROM asked WHERE kind = ? AND id = ?", key).fetchone()
    tries = row[0] if row else 0
    again = now + pauses[min(tries, len(pauses) - 1)]
    connection.execute(
        "INSERT OR REPLACE INTO asked (kind, id, tries, again) VALUES (?, ?, ?, ?)",
        (*key, tries + 1, again),
    )


def forget(connection: sqlite3.Connection, key: Key) -> None:
    """It may be asked for at any time, and its next pause is the first again."""
    connection.execute("DELETE FROM asked WHERE kind = ? AND id = ?", key)


def waiting(connection: sqlite3.Connection, keys: Iterable[Key], now: float) -> set[Key]:
    """Those that may not be asked for yet."""
    return {
        (kind, id_)
        for kind, id_ in connection.execute(
            "SELECT a.kind, a.id FROM json_each(?) w"
            " JOIN asked a ON a.kind = json_extract(w.value, '$[0]')"
            " AND a.id = json_extract(w.value, '$[1]') WHERE a.again > ?",
            (json.dumps(list(keys)), now),
        )
    }


def in_trouble(connection: sqlite3.Connection, now: float) -> bool:
    """Whether nothing at all may be asked for yet."""
    return bool(waiting(connection, [EVERYTHING], now))
