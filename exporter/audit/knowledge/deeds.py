"""Events that tell what was done to agents, and when an environment was made.

A difference between two listings of agents that such an event accounts for is no news.
"""

import json
import sqlite3

CREATED = "environment:created"
_SLACK = 60.0  # seconds by which the account's clock and ours may differ
_KEPT = 90 * 86_400.0  # seconds; a listing is never so much older than the next one


def note(
    connection: sqlite3.Connection, environment_id: str, agent_id: str, topic: str, at: float
) -> None:
    """An event. ``agent_id`` is empty where it does not name the agent."""
    connection.execute(
        "INSERT OR IGNORE INTO deed VALUES (?, ?, ?, ?)", (environment_id, agent_id, topic, at)
    )


def environment_born(connection: sqlite3.Connection, environment_id: str) -> float | None:
    """When it was made, if that was told."""
    (at,) = connection.execute(
        "SELECT min(at) FROM deed WHERE environment_id = ? AND topic = ?", (environment_id, CREATED)
    ).fetchone()
    return None if at is None else float(at)


def accounted(
    connection: sqlite3.Connection,
    environment_id: str,
    agent_id: str,
    topics: tuple[str, ...],
    after: float,
    until: float,
) -> bool:
    """Whether an event of one of the topics tells what became of the agent between two listings.

    One that does not name its agent accounts for any of the environment.
    """
    row = connection.execute(
        "SELECT 1 FROM deed WHERE environment_id IN (?, '') AND agent_id IN (?, '')"
        " AND topic IN (SELECT value FROM json_each(?)) AND at BETWEEN ? AND ? LIMIT 1",
        (environment_id, agent_id, json.dumps(topics), after - _SLACK, until + _SLACK),
    ).fetchone()
    return row is not None


def prune(connection: sqlite3.Connection, environment_id: str, now: float) -> None:
    connection.execute(
        "DELETE FROM deed WHERE environment_id IN (?, '') AND at < ? AND topic <> ?",
        (environment_id, now - _KEPT, CREATED),
    )
