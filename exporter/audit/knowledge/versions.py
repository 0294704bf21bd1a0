"""Versions over time: in which state a thing was known to be, from when, and how that is known.

A version holds from ``since`` on; ``until`` is set where it is known to have held only so long,
although the next one is known from later only: between the two nobody knows which of them it was.
The newest version is taken to hold still, for nobody knows better.

Times are Unix seconds.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum, unique
from typing import NamedTuple

from exporter.audit.knowledge.marks import touch


@unique
class Thing(StrEnum):
    """What there are versions of. Those that can act are named as in ``ActorKind``."""

    USER = "user"
    GUEST = "guest"
    AGENT = "agent"
    ENVIRONMENT = "environment"
    SPACE = "space"


@unique
class Basis(StrEnum):
    """Where knowledge came from."""

    LISTING = "listing"
    LOOKUP = "lookup"
    EVENT = "event"
    ERASED = "erased"
    """Of a person whose key was destroyed nothing is known any more, and nothing will be."""


@unique
class Presence(IntEnum):
    """Whether the newest whole listing showed the thing, in this version."""

    NO = 0
    YES = 1
    GONE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A thing as it was met.

    ``name`` and ``email`` are commitments and belong to people, ``label`` (a slug or a name) to
    all other things. ``scope`` is the environment it belongs to, or empty. ``stamp`` tells two
    states apart that look the same (``updatedAt`` of an agent). ``unchanged`` is since when it has
    not changed, as far as the API says so.
    """

    kind: Thing
    id: str
    scope: str = ""
    name: str | None = None
    email: str | None = None
    label: str | None = None
    stamp: float | None = None
    unchanged: float | None = None
    basis: Basis = Basis.LISTING


class Version(NamedTuple):
    """One row of the table; ``number`` counts those of one thing in the order of their noting."""

    row: int
    kind: str
    id: str
    number: int
    since: float
    until: float | None
    noted: float
    basis: str
    scope: str
    name: str | None
    email: str | None
    label: str | None
    stamp: float | None
    presence: int
    missed: float | None

    def shows(self, seen: Seen) -> bool:
        """Whether the thing is still as it was."""
        mine = (self.name, self.email, self.label, self.scope, self.stamp)
        return mine == (seen.name, seen.email, seen.label, seen.scope, seen.stamp)


_SELECT = (
    "SELECT row, kind, id, number, since, until, noted, basis, scope, name, email, label,"
    " updated, presence, missed FROM version"
)


def history(connection: sqlite3.Connection, kind: Thing, id_: str) -> tuple[Version, ...]:
    """All versions of one thing in the order of time."""
    return histories(connection, kind, (id_,)).get(id_, ())


def histories(
    connection: sqlite3.Connection, kind: Thing, ids: Iterable[str]
) -> dict[str, tuple[Version, ...]]:
    """Likewise of several, by id; none of which there is no version."""
    found: dict[str, list[Version]] = {}
    rows = connection.execute(
        f"{_SELECT} WHERE kind = ? AND id IN (SELECT value FROM json_each(?))",  # noqa: S608 - a constant
        (kind.value, json.dumps(list(ids))),
    )
    for version in map(Version._make, rows):
        found.setdefault(version.id, []).append(version)
    return {id_: tuple(sorted(of, key=_moment)) for id_, of in found.items()}


def _moment(version: Version) -> tuple[float, int]:
    return version.since, version.number


def listed(connection: sqlite3.Connection, kind: Thing, scope: str) -> dict[str, Version]:
    """By id, the things of a scope that the newest listing showed."""
    rows = connection.execute(
        f"{_SELECT} WHERE kind = ? AND scope = ? AND presence = 1", (kind.value, scope)
    )
    return {version.id: version for version in map(Version._make, rows)}


def as_of(versions: Sequence[Version], at: float) -> tuple[Version, bool] | None:
    """The version that held at a time; else one of another time, which False says.

    That is the earliest known after it, or, of what has vanished meanwhile, the newest.
    ``versions`` are in the order of time.
    """
    held = None
    for version in versions:
        if version.since > at:
            if held is not None and (held.until is None or at <= held.until):
                return held, True
            return version, False
        held = version
    return (held, held.until is None or at <= held.until) if held else None


def erase(connection: sqlite3.Connection, person_id: str) -> None:
    """Forget the commitments to a person's name and address. The key is destroyed elsewhere."""
    connection.execute(
        "UPDATE version SET name = NULL, email = NULL, basis = ? WHERE id = ? AND kind IN (?, ?)",
        (Basis.ERASED.value, person_id, Thing.USER.value, Thing.GUEST.value),
    )
    touch(connection)
