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

from exporter.audit.people import commit
from exporter.audit.record import GENESIS, Json, Kind
from exporter.audit.store import seal
from exporter.audit.store.links import Link, links
from exporter.audit.store.seal import SignedHead
from exporter.audit.store.statements import ORIGIN, Point, Statements, Wrong
from exporter.audit.store.times import unix

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
    progress: Callable[[int], object] = lambda _: None,
) -> Verdict:
    """Go through the whole log as it is now; ``progress`` is told each sequence.

    Without ``public_key`` the key is the one that ``head`` names, or the log itself.
    """
    proof = _Proof(connection, public_key, head, progress)
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


class _Proof:
    """How far it was found good."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        public_key: str | None,
        head: SignedHead | None,
        progress: Callable[[int], object],
    ) -> None:
        self._connection = connection
        self._kept = head
        self._progress = progress
        self.public = public_key or (None if head is None else head.public)
        self.start = ORIGIN
        self.records = self.checkpoints = self.tombstones = self.last = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.hash = GENESIS
        self._offset = 0
        self._erased: dict[str, Link] = {}
        self._newest: dict[str, Point] = {"checkpoint": ORIGIN, "tombstone": ORIGIN}

    def run(self) -> None:
        """Raises Wrong, or what SQLite raises where the file is damaged."""
        chain = self._chain()
        self.public = self.public or chain["public"]
        signed = seal.signed(self._connection)
        if signed is None:
            self._unsigned(chain)
            return
        if not isinstance(self.public, str) or signed.public != self.public:
            raise Wrong(f"the log was signed with the key {signed.public}", chain["sequence"])
        statements = Statements(connection=self._connection, log=chain["log"], public=self.public)
        for tombstone in statements.tombstones(chain["pruned"]):
            self.tombstones += 1
            self.start = self._newest["tombstone"] = tombstone
        self.last, self.hash, self._offset = (
            self.start.sequence,
            self.start.hash,
            self.start.offset,
        )
        for link in links(self._connection, self.start, self._signed(statements, signed, chain)):
            self._take(link)
        self._compare(chain, signed)
        self._people()
        (verdict,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise Wrong(f"the file is damaged: {verdict}")

    def _chain(self) -> dict[str, Json]:
        cursor = self._connection.execute("SELECT * FROM chain")
        rows = cursor.fetchall()
        if len(rows) != 1:
            raise Wrong("the row that says where the chain ends is gone")
        chain = dict(zip((name for name, *_ in cursor.description), rows[0], strict=True))
        for name in ("sequence", "pruned"):  # which say where to look for what is wrong
            if not isinstance(chain[name], int):
                raise Wrong(f"what the log says of its own end was edited: {name}", 1)
        return chain

    def _unsigned(self, chain: dict[str, Json]) -> None:
        (written,) = self._connection.execute(
            "SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM checkpoint)"
            " + (SELECT count(*) FROM tombstone)"
        ).fetchone()
        if written or chain["sequence"] or self._kept is not None:
            raise Wrong("nothing is signed", 1)

    def _signed(
        self, statements: Statements, signed: SignedHead, chain: dict[str, Json]
    ) -> Iterator[Point | Wrong]:
        try:
            for checkpoint in statements.checkpoints(self.start):
                yield checkpoint
                self.checkpoints += 1
                self._newest["checkpoint"] = checkpoint
            yield statements.point(
                "head", "the signed head", signed.payload, signed.signature, chain["sequence"]
            )
        except Wrong as wrong:
            yield wrong

    def _take(self, link: Link) -> None:
        self.records += 1
        self.last, self.hash, self.last_at = link.sequence, link.hash, link.at
        self._offset = link.offset
        self.first_at = link.at if self.first_at is None else self.first_at
        if link.record["kind"] == Kind.REDACTION:
            self._erased[link.record["detail"]["person"]] = link
        self._progress(link.sequence)

    def _compare(self, chain: dict[str, Json], signed: SignedHead) -> None:
        """What is left: the end as the log says it, and as a head says it that was kept elsewhere."""
        horizon = self.start.said.get("horizon")
        expected = {
            "sequence": self.last,
            "hash": bytes.fromhex(self.hash),
            "offset": self._offset,
            "pruned": self.start.sequence,
            "base": self.start.offset,
            "horizon": float("-inf") if horizon is None else unix(horizon),
        }
        for name, value in expected.items():
            if chain[name] != value:
                raise Wrong(f"what the log says of its own end was edited: {name}", self.last)
        for name, point in self._newest.items():
            if (signed.said[f"{name}s"], signed.said[name]) != (point.number, point.digest):
                raise Wrong(f"the newest {name} is gone or was replaced", self.last)
        if self._kept is not None:
            self._against(self._kept, chain["log"])

    def _against(self, kept: SignedHead, log: str) -> None:
        if self.public is None or not kept.signed_by(self.public):
            raise Wrong(f"the head that was kept is not signed by the key {self.public}")
        if kept.said["statement"] != "head" or kept.said["log"] != log:
            raise Wrong("the head that was kept is of another log")
        problem = seal.contradiction(self._connection, kept)
        if problem:
            raise Wrong(
                f"this is not the log that was signed: of the head that was kept, {problem}",
                min(kept.sequence, self.last + 1),
            )

    def _people(self) -> None:
        for commitment, plain, key in self._connection.execute(
            "SELECT commitment, plain, key FROM commitment"
            " LEFT JOIN person ON person.id = person_id WHERE plain IS NOT NULL"
        ):
            texts = isinstance(plain, str) and isinstance(commitment, str)
            if not texts or not isinstance(key, bytes) or commit(key, plain) != commitment:
                raise self._misnamed(commitment)
        for person_id, link in self._erased.items():
            row = self._connection.execute(
                "SELECT key FROM person WHERE id = ?", (person_id,)
            ).fetchone()
            if row != (None,):
                raise Wrong("who it erased is not erased any more", link.sequence, link.uid)

    def _misnamed(self, commitment: Json) -> Wrong:
        row = self._connection.execute(
            "SELECT sequence, uid FROM record WHERE instr(body, CAST(? AS BLOB))"
            " ORDER BY sequence LIMIT 1",
            (commitment,),
        ).fetchone()
        return Wrong("the plain text kept for it is not what it commits to", *(row or ()))


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
