"""Signed statements, read as evidence: nothing of one is believed before its signature is checked."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.audit.canonical import digest
from exporter.audit.record import GENESIS, Json
from exporter.audit.store.seal import SignedHead
from exporter.audit.store.times import unix


class Wrong(Exception):
    """What is wrong, with which record; or with the statement about the chain up to that one."""

    def __init__(self, problem: str, sequence: int | None = None, uid: str | None = None) -> None:
        super().__init__(problem)
        self.sequence = sequence
        self.uid = uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in the chain that a statement is about. ``digest`` is that of the statement."""

    what: str
    number: int
    sequence: int
    hash: str
    offset: int
    digest: str
    said: Mapping[str, Json]


ORIGIN = Point(
    what="the beginning", number=0, sequence=0, hash=GENESIS, offset=0, digest=GENESIS, said={}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Those of one log, signed by one key. All functions raise Wrong."""

    connection: sqlite3.Connection
    log: str
    public: str

    def tombstones(self, upto: int) -> Iterator[Point]:
        """The oldest first. ``upto`` is the sequence up to which the log says it was pruned."""
        before = ORIGIN
        for number, payload, signature in self.connection.execute(
            "SELECT number, payload, signature FROM tombstone ORDER BY number"
        ):
            what = f"tombstone {number}"
            point = self.point("tombstone", what, payload, signature, upto)
            _follows(number, point, before)
            if point.said["first"] != before.sequence + 1:
                raise Wrong(f"{what} does not begin where the one before it ends", point.sequence)
            yield point
            before = point

    def checkpoints(self, start: Point) -> Iterator[Point]:
        """The oldest first. After pruning the first is the one that the last tombstone names."""
        before = None if start.sequence else ORIGIN
        for number, sequence, at, payload, signature in self.connection.execute(
            "SELECT number, sequence, at, payload, signature FROM checkpoint ORDER BY number"
        ):
            what = f"checkpoint {number}"
            point = self.point("checkpoint", what, payload, signature, sequence)
            if (sequence, at) != (point.sequence, unix(point.said["time"])):
                raise Wrong(f"{what} does not say what its columns say", point.sequence)
            if before is not None:
                _follows(number, point, before)
            elif (number, point.digest) != (point.number, start.said["checkpoint"]):
                raise Wrong(f"{what} is not the one that the last tombstone names", start.sequence)
            yield point
            before = point
        if before is None:
            raise Wrong("the checkpoint that the last tombstone names is gone", start.sequence)

    def point(
        self, statement: str, what: str, payload: Any, signature: Any, sequence: int
    ) -> Point:
        """One statement; ``sequence`` is what to name where it cannot be asked itself."""
        if not (isinstance(payload, bytes) and isinstance(signature, bytes)):
            raise Wrong(f"{what} is no statement", sequence)
        signed = SignedHead(payload=payload, signature=signature, public=self.public)
        if not signed.signed_by(self.public):
            raise Wrong(f"{what} is not signed by the key {self.public}", sequence)
        try:
            said = signed.said
        except ValueError:
            said = {}
        if (said.get("statement"), said.get("log")) != (statement, self.log):
            raise Wrong(f"{what} is a statement about something else", sequence)
        return Point(
            what=what,
            number=said.get("number", 0),
            sequence=said["sequence"],
            hash=said["hash"],
            offset=said["offset"],
            digest=digest(payload),
            said=said,
        )


def _follows(number: int, point: Point, before: Point) -> None:
    if point.number != number:
        raise Wrong(f"{point.what} says that it is {point.number}", point.sequence)
    if number != before.number + 1 or point.said["previous"] != before.digest:
        raise Wrong(f"before {point.what}, one is missing or was replaced", point.sequence)
