"""Statements about the chain that are signed: its head, checkpoints and tombstones.

A statement is canonical JSON with these fields; the signature is of exactly its bytes.

===========  =====================================================================================
field        meaning
===========  =====================================================================================
schema       1
statement    ``head``, ``checkpoint`` or ``tombstone``: none can be passed off as another
log          32 random hexadecimal digits, made with the log: nor as one of another log
number       of a checkpoint or a tombstone: 1 for the first, without holes
previous     of these: SHA-256 of the statement before it; 64 zeros for the first
sequence     up to which record
hash         of that record; 64 zeros if there is none
offset       bytes of all bodies up to that record
time         when it was signed
checkpoints  of a head: how many there are; ``checkpoint`` is the SHA-256 of the newest one
tombstones   likewise with ``tombstone``
first        of a tombstone: the first of the ``records`` that it buries; the last is ``sequence``,
             and ``checkpoint`` the SHA-256 of the checkpoint there
horizon      of a tombstone: when the newest event of all that were ever buried happened
before       of a tombstone: what was older than that was to be pruned
===========  =====================================================================================
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from exporter.audit import keys
from exporter.audit.canonical import canonical, digest
from exporter.audit.keys import SigningKey
from exporter.audit.record import GENESIS, Json
from exporter.audit.store.times import iso
from exporter.errors import StorageFailed

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class SignedHead:
    """A statement and its signature. ``public`` names the key that it is said to be by."""

    payload: bytes
    signature: bytes
    public: str

    @cached_property
    def said(self) -> Mapping[str, Json]:
        """The statement. Raises ValueError if it is none."""
        said = json.loads(self.payload)
        if not isinstance(said, dict) or said.get("schema") != SCHEMA:
            raise ValueError("it is no statement of a schema that is known here")
        return said

    @property
    def sequence(self) -> int:
        return int(self.said["sequence"])

    @property
    def hash(self) -> str:
        return str(self.said["hash"])

    def signed_by(self, public: str) -> bool:
        """Whether the signature is right."""
        return keys.verify(public, self.payload, self.signature)


def sign(connection: sqlite3.Connection, key: SigningKey, now: float) -> SignedHead:
    """Sign the head if what is signed is not it; the newest signed head.

    Raises StorageFailed if another key began this log: one log has one key.
    """
    standing = signed(connection)
    if standing is not None and standing.public != key.public:
        raise StorageFailed(
            f"the audit log was begun with the key {standing.public} and this is {key.public}; "
            "give the first one, or move the log away to begin another"
        )
    said = _head(connection)
    if standing is not None and {**standing.said, "time": None} == {**said, "time": None}:
        return standing
    payload = canonical(said | {"time": iso(now)})
    made = SignedHead(payload=payload, signature=key.sign(payload), public=key.public)
    connection.execute(
        "UPDATE chain SET public = ?, payload = ?, signature = ?",
        (made.public, made.payload, made.signature),
    )
    return made


def signed(connection: sqlite3.Connection) -> SignedHead | None:
    """The newest signed head, if any is."""
    public, payload, signature = connection.execute(
        "SELECT public, payload, signature FROM chain"
    ).fetchone()
    if public is None or payload is None or signature is None:
        return None
    return SignedHead(payload=payload, signature=signature, public=public)


def contradiction(connection: sqlite3.Connection, head: SignedHead) -> str:
    """In which way the log does not hold what a head of it said earlier; empty if it does.

    The head's signature is not looked at here.
    """
    log, sequence, pruned = connection.execute("SELECT log, sequence, pruned FROM chain").fetchone()
    if head.said["log"] != log:
        return "it is of another log"
    if head.sequence > sequence:
        return f"it ends with record {head.sequence}, the log with {sequence}"
    row = connection.execute(
        "SELECT hash FROM record WHERE sequence = ?", (head.sequence,)
    ).fetchone()
    if head.sequence > pruned and (row is None or row[0].hex() != head.hash):
        return f"record {head.sequence} is another one"
    return ""


def newest(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    """Number and hash of the newest checkpoint or tombstone; 0 and zeros before the first."""
    row = connection.execute(
        f"SELECT number, payload FROM {table} ORDER BY number DESC LIMIT 1"  # noqa: S608 - ours
    ).fetchone()
    return (0, GENESIS) if row is None else (row[0], digest(row[1]))


def _head(connection: sqlite3.Connection) -> dict[str, Json]:
    log, sequence, hashed, offset = connection.execute(
        "SELECT log, sequence, hash, offset FROM chain"
    ).fetchone()
    checkpoints, checkpoint = newest(connection, "checkpoint")
    tombstones, tombstone = newest(connection, "tombstone")
    return {
        "schema": SCHEMA,
        "statement": "head",
        "log": log,
        "sequence": sequence,
        "hash": hashed.hex(),
        "offset": offset,
        "checkpoints": checkpoints,
        "checkpoint": checkpoint,
        "tombstones": tombstones,
        "tombstone": tombstone,
    }
