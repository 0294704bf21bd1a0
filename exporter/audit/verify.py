"""Proving that the log is as it was written, and naming the first record that is not.

What is found: any edit of a record, in its body or in any other column; one that is missing,
added or out of place; a tail that was cut; a checkpoint, tombstone or head that is missing or not
signed by the key; a plain text that is not the one that was committed to; a person's key that came
back after it was destroyed; and, against a head that was kept elsewhere, an older copy of the
whole log.

What cannot be found here, by anybody:

* An older copy of the whole folder, where no newer head was kept elsewhere: an older state was
  signed once, too. The same goes for a tail cut back to a head of which somebody kept the
  signature. Keep ``head.json`` in another place as well (setting ``audit.head-file``), or the
  lines ``audit_checkpoint`` of the daemon's own log.
* What whoever has the private key did: they can sign anything.
* What never was appended.

The counts of the metrics, cursors, and what is known about people and things beside the records
are no evidence and not looked at.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from exporter.audit.proof import Proof
from exporter.audit.record import GENESIS
from exporter.audit.store.seal import SignedHead
from exporter.audit.store.statements import Wrong

OWN_KEY = "the key is the one that the log itself names: give the public key that you know"
OWN_HEAD = "no head that was kept elsewhere was given: an older copy of the log would verify, too"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``problem`` is empty if all is well; else ``sequence`` and ``uid`` name the first bad record.

    ``uid`` is None where that record is gone. ``records``, ``last`` and what follows go as far as
    the log was found good; ``first`` and ``last`` are sequences (``last`` < ``first`` if there is
    none), ``first_at`` and ``last_at`` (Unix seconds) when these happened, ``hash`` that of the
    last. ``notes`` say what was taken on trust.
    """

    records: int = 0
    first: int = 1
    last: int = 0
    first_at: float | None = None
    last_at: float | None = None
    hash: str = GENESIS
    checkpoints: int = 0
    tombstones: int = 0
    public: str | None = None
    problem: str = ""
    sequence: int | None = None
    uid: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problem


def verify(
    connection: sqlite3.Connection,
    *,
    public_key: str | None,
    head: SignedHead | None,
    beside: SignedHead | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Verdict:
    """Go through the whole log as it is now; ``progress`` is told each sequence.

    Without ``public_key`` the key is the one that ``head`` names, or the log itself. ``beside`` is
    a head that lies with the log: it may be newer, and proves nothing that ``head`` would.
    """
    proof = Proof(connection, public_key, head, progress, beside)
    problem = ""
    sequence: int | None = None
    uid: str | None = None
    try:
        with _standing_still(connection):
            proof.run()
    except Wrong as wrong:
        problem, sequence, uid = str(wrong), wrong.sequence, wrong.uid
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # The latter where names of columns, or SQLite's own words about them, are no text any more.
        problem, sequence = f"the file is damaged: {error}", proof.last + 1
    return Verdict(
        records=proof.records,
        first=proof.start.sequence + 1,
        last=proof.last,
        first_at=proof.first_at,
        last_at=proof.last_at,
        hash=proof.hash,
        checkpoints=proof.checkpoints,
        tombstones=proof.tombstones,
        public=proof.public,
        problem=problem,
        sequence=sequence,
        uid=uid,
        notes=tuple(
            note
            for note, trusted in ((OWN_KEY, not (public_key or head)), (OWN_HEAD, head is None))
            if trusted
        ),
    )


@contextmanager
def _standing_still(connection: sqlite3.Connection) -> Iterator[None]:
    """See one state of the log, whoever appends meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
