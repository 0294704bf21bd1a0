"""Proving lines of format ``native`` as a sink wrote them, without the store.

A sink gets each record at least once and in order: a line may come again, and none is left out.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.audit.canonical import canonical, digest
from exporter.audit.record import GENESIS
from exporter.audit.store.seal import SignedHead

_SHORT = 32  # hexadecimal digits of a hash that are remembered to compare repeated lines: 128 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What lines proved. ``problem`` is empty, or says which line is wrong and how.

    ``first`` and ``last`` are sequences (0 without a record), ``since`` and ``until`` their times.
    """

    lines: int = 0
    records: int = 0
    repeated: int = 0
    first: int = 0
    last: int = 0
    since: str = ""
    until: str = ""
    hash: str = ""
    problem: str = ""


class _Wrong(Exception):
    """A line does not prove what it says."""


@dataclass(frozen=True, slots=True)
class _Line:
    sequence: int
    uid: str
    previous: str
    hash: str
    time: str

    def __str__(self) -> str:
        return f"record {self.sequence} ({self.uid})"


class Prover:
    """Takes lines one by one. Remembers 16 bytes a record."""

    def __init__(self, head: SignedHead | None) -> None:
        """``head`` is a signed head of the same log, whose signature was checked already."""
        self._head = head
        self._lines = 0
        self._repeated = 0
        self._first: _Line | None = None
        self._last: _Line | None = None
        self._hashes = bytearray()

    def prove(self, lines: Iterable[bytes]) -> Proof:
        """All lines; empty ones do not count."""
        try:
            for line in lines:
                if line.strip():
                    self._lines += 1
                    self._take(_read(line))
            self._meets_head()
        except _Wrong as wrong:
            return self._proof(f"line {self._lines}: {wrong}")
        return self._proof("")

    def _take(self, line: _Line) -> None:
        last = self._last
        if self._first is None or last is None:
            if line.sequence == 1 and line.previous != GENESIS:
                raise _Wrong(f"{line} has a predecessor, which the first record has not")
            self._first = line
        elif line.sequence <= last.sequence:
            self._again(line)
            return
        elif line.sequence > last.sequence + 1:
            raise _Wrong(f"{line} follows {last}: those between are missing")
        elif line.previous != last.hash:
            raise _Wrong(f"{line} does not fit {last}: one of them was changed or replaced")
        self._last = line
        self._hashes += bytes.fromhex(line.hash[:_SHORT])
        head = self._head
        if head is not None and line.sequence == head.sequence and line.hash != head.hash:
            raise _Wrong(f"{line} is not the one that was signed")

    def _again(self, line: _Line) -> None:
        size = _SHORT // 2
        at = (line.sequence - (self._first or line).sequence) * size
        if at < 0:
            raise _Wrong(f"{line} comes after later ones, and not for the second time")
        if bytes(self._hashes[at : at + size]) != bytes.fromhex(line.hash[:_SHORT]):
            raise _Wrong(f"{line} came before with another content")
        self._repeated += 1

    def _meets_head(self) -> None:
        last = self._last.sequence if self._last else 0
        if self._head is not None and last < self._head.sequence:
            raise _Wrong(
                f"they end with record {last}, and the signed head knows of {self._head.sequence}"
            )

    def _proof(self, problem: str) -> Proof:
        first, last = self._first, self._last
        return Proof(
            lines=self._lines,
            records=len(self._hashes) * 2 // _SHORT,
            repeated=self._repeated,
            first=first.sequence if first else 0,
            last=last.sequence if last else 0,
            since=first.time if first else "",
            until=last.time if last else "",
            hash=last.hash if last else "",
            problem=problem,
        )


def _read(line: bytes) -> _Line:
    try:
        told = json.loads(line, object_pairs_hook=_unique, parse_constant=_refuse)
        record, said = told["record"], told["hash"]
        found = _Line(
            sequence=int(record["sequence"]),
            uid=str(record["uid"]),
            previous=str(record["previous"]),
            hash=digest(canonical(record)),
            time=str(record["time"]),
        )
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise _Wrong(f"it is no whole line of format native ({type(error).__name__})") from error
    if found.hash != said:
        raise _Wrong(f"{found} was changed: its hash is another")
    return found


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that has a key twice: two readers could read two records."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _refuse(constant: str) -> None:
    """NaN and the infinities are no JSON, and would be hashed as null."""
    raise ValueError(f"{constant} is no JSON")
