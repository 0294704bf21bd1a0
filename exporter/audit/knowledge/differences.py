"""Differences between two listings of agents that wait for an event to account for them.

They stand in a table, so that a restart does not forget them.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.audit.record import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """``after`` and ``found`` are the listings (Unix seconds) between which it came about."""

    environment_id: str
    agent_id: str
    topic: str
    number: int
    after: float
    found: float
    detail: Mapping[str, Json]


def add(connection: sqlite3.Connection, waiting: Waiting) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO difference VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(waiting.environment_id, waiting.agent_id, waiting.topic, waiting.number),
            *(waiting.after, waiting.found, json.dumps(waiting.detail)),
        ),
    )


def drop(connection: sqlite3.Connection, agent_id: str, topic: str, number: int) -> bool:
    """Forget one; whether it was there."""
    done = connection.execute(
        "DELETE FROM difference WHERE agent_id = ? AND topic = ? AND number = ?",
        (agent_id, topic, number),
    )
    return done.rowcount > 0


def waiting(connection: sqlite3.Connection, environment_id: str, overdue: float) -> list[Waiting]:
    """Those of one environment, in the order in which they were found.

    With them come those found up to ``overdue`` of any other, which may be listed no more.
    """
    rows = connection.execute(
        "SELECT environment_id, agent_id, topic, number, after, found, detail FROM difference"
        " WHERE environment_id = ? OR found <= ? ORDER BY found, rowid",
        (environment_id, overdue),
    ).fetchall()
    return [
        Waiting(
            environment_id=environment,
            agent_id=agent_id,
            topic=topic,
            number=number,
            after=after,
            found=found,
            detail=json.loads(detail),
        )
        for environment, agent_id, topic, number, after, found, detail in rows
    ]
