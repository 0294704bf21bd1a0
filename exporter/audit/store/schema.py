"""The tables of the audit log, as a list of steps that are only ever appended to.

``PRAGMA user_version`` says how many steps a file has taken. Rowid tables on purpose: WITHOUT
ROWID was measured four times slower for text keys.
"""

import secrets
import sqlite3

from exporter.audit.knowledge import tables as knowledge
from exporter.state.schema import Step, take

PEOPLE = """
-- A person whose key is null was erased and stays so.
CREATE TABLE person (id TEXT PRIMARY KEY, key BLOB);
CREATE TABLE commitment (commitment TEXT PRIMARY KEY, person_id TEXT NOT NULL, plain TEXT);
CREATE INDEX commitment_person ON commitment (person_id);
"""
"""All that is personal, by itself, so that it can be written anew without what was erased."""

_CHAIN = """
-- One row: the end of the chain, where it begins after pruning, and the signed head. `scrub` is
-- set while the journal may still hold what was erased.
CREATE TABLE chain (one INTEGER PRIMARY KEY CHECK (one = 1), log TEXT NOT NULL,
    sequence INTEGER NOT NULL, hash BLOB NOT NULL, offset INTEGER NOT NULL,
    pruned INTEGER NOT NULL, base INTEGER NOT NULL, horizon REAL NOT NULL,
    scrub INTEGER NOT NULL, public TEXT, payload BLOB, signature BLOB);
-- What is looked at without the body stands before it, on the same page. `offset` is the sum of
-- the bytes of all bodies up to this one: a backlog's bytes are a subtraction.
CREATE TABLE record (sequence INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, at REAL NOT NULL,
    recorded REAL NOT NULL, offset INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL);
CREATE INDEX record_at ON record (at);
CREATE TABLE checkpoint (number INTEGER PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE,
    at REAL NOT NULL, payload BLOB NOT NULL, signature BLOB NOT NULL);
CREATE TABLE tombstone (number INTEGER PRIMARY KEY, payload BLOB NOT NULL,
    signature BLOB NOT NULL);
-- Pruned events that are dated after the horizon; what is before it needs no list.
CREATE TABLE buried (uid TEXT PRIMARY KEY, at REAL NOT NULL);
"""

_COUNTS = """
CREATE TABLE cursor (scope TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE tally (name TEXT NOT NULL, label TEXT NOT NULL, total REAL NOT NULL,
    PRIMARY KEY (name, label));
CREATE TABLE unresolved (actor_id TEXT PRIMARY KEY, kind TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, records INTEGER NOT NULL);
"""

_SINKS = """
CREATE TABLE sink (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, active INTEGER NOT NULL);
CREATE TABLE dead_letter (sink TEXT NOT NULL, sequence INTEGER NOT NULL, reason TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (sink, sequence));
CREATE TABLE retry (sink TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sink, sequence));
CREATE TABLE dead_total (sink TEXT NOT NULL, reason TEXT NOT NULL, total INTEGER NOT NULL,
    PRIMARY KEY (sink, reason));
"""


def make(connection: sqlite3.Connection, tables: str) -> None:
    """Run these statements within the caller's transaction, which ``executescript`` would end."""
    for statement in tables.split(";\n"):
        connection.execute(statement)


def _create(connection: sqlite3.Connection) -> None:
    for tables in (_CHAIN, _COUNTS, _SINKS, PEOPLE):
        make(connection, tables)
    connection.execute(
        "INSERT INTO chain (one, log, sequence, hash, offset, pruned, base, horizon, scrub)"
        " VALUES (1, ?, 0, zeroblob(32), 0, 0, 0, -1e999, 0)",
        (secrets.token_hex(16),),
    )
    knowledge.create(connection)


STEPS: tuple[Step, ...] = (_create,)


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing; raises ValueError as :func:`exporter.state.schema.take`."""
    take(connection, STEPS)
