"""Going through the whole log once, and holding all that is in it against what was signed."""

import sqlite3
from collections.abc import Callable, Iterator

from exporter.audit.people import commit
from exporter.audit.record import GENESIS, Json, Kind
from exporter.audit.store import seal
from exporter.audit.store.links import Link, links
from exporter.audit.store.seal import SignedHead
from exporter.audit.store.statements import ORIGIN, Point, Statements, Wrong
from exporter.audit.store.times import unix


class Proof:
    """How far the log was found good, in the words of :class:`exporter.audit.verify.Verdict`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        public_key: str | None,
        head: SignedHead | None,
        progress: Callable[[int], object],
        beside: SignedHead | None = None,
    ) -> None:
        self._connection = connection
        self._kept = [kept for kept in (head, beside) if kept is not None]
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
        if written or chain["sequence"] or self._kept:
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
        """What is left: the end as the log says it, and as heads say it that were kept."""
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
        for kept in self._kept:
            self._against(kept, chain["log"])

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
