"""When an environment was last seen to have an agent."""

import sqlite3
from collections.abc import Iterable, Mapping

_FORGET = 400 * 86_400.0  # seconds; keeps the table from growing for ever with dead environments


def seen(
    connection: sqlite3.Connection, environment_ids: Iterable[str], now: float
) -> Mapping[str, float]:
    """Record that these have an agent ``now`` (Unix seconds); all sightings, by environment."""
    connection.executemany(
        "INSERT INTO sighting VALUES (?, ?) ON CONFLICT (environment_id)"
        " DO UPDATE SET at = max(at, excluded.at)",
        [(environment_id, now) for environment_id in environment_ids],
    )
    connection.execute("DELETE FROM sighting WHERE at < ?", (now - _FORGET,))
    return dict(connection.execute("SELECT environment_id, at FROM sighting"))
