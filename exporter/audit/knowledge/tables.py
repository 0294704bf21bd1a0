"""The tables of what is known. Made by a step of :mod:`exporter.audit.store.schema`."""

import sqlite3

_TABLES = (
    # One row for each state that a thing was known to be in; see `versions`. Names and addresses
    # of people are commitments (see exporter.audit.people), `label` is of things only.
    (
        "CREATE TABLE version (row INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,"
        " number INTEGER NOT NULL, since REAL NOT NULL, until REAL, noted REAL NOT NULL,"
        " basis TEXT NOT NULL, scope TEXT NOT NULL, name TEXT, email TEXT, label TEXT,"
        " updated REAL, presence INTEGER NOT NULL, missed REAL, UNIQUE (kind, id, number))"
    ),
    "CREATE INDEX version_listed ON version (kind, scope) WHERE presence = 1",
    # Which listings were seen whole: `first` and newest time of each.
    (
        "CREATE TABLE listing (kind TEXT NOT NULL, scope TEXT NOT NULL, first REAL NOT NULL,"
        " at REAL NOT NULL, PRIMARY KEY (kind, scope))"
    ),
    # Events that say what was done to an agent, so that no record is made of the same thing.
    (
        "CREATE TABLE deed (environment_id TEXT NOT NULL, agent_id TEXT NOT NULL, topic TEXT NOT NULL,"
        " at REAL NOT NULL, PRIMARY KEY (environment_id, agent_id, topic, at))"
    ),
    # Differences between two listings of agents that wait for such an event.
    (
        "CREATE TABLE difference (environment_id TEXT NOT NULL, agent_id TEXT NOT NULL,"
        " topic TEXT NOT NULL, number INTEGER NOT NULL, after REAL NOT NULL, found REAL NOT NULL,"
        " detail TEXT NOT NULL, PRIMARY KEY (agent_id, topic, number))"
    ),
    # Lookups that found nothing, and when the next one may be made.
    (
        "CREATE TABLE asked (kind TEXT NOT NULL, id TEXT NOT NULL, tries INTEGER NOT NULL,"
        " again REAL NOT NULL, PRIMARY KEY (kind, id))"
    ),
    # One row, changed with every change of the above: see `memory`.
    "CREATE TABLE knowledge (one INTEGER PRIMARY KEY CHECK (one = 1), mark INTEGER NOT NULL)",
    "INSERT INTO knowledge VALUES (1, 0)",
)


def create(connection: sqlite3.Connection) -> None:
    """Make them, within the caller's transaction."""
    for statement in _TABLES:
        connection.execute(statement)
