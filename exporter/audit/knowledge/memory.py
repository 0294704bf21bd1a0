"""Copies of what is known, ready to be put into records, and whether they still hold.

A copy is made within a transaction. It does not hold any more when that transaction was rolled
back, when something else in this process wrote, or when another process did (a person may be
erased by a command): the mark in the database tells the first two, ``PRAGMA data_version`` the
last (SQLite documentation, "PRAGMA data_version").
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from exporter.audit.canonical import Said
from exporter.audit.knowledge.marks import mark
from exporter.audit.knowledge.versions import Version, as_of
from exporter.audit.record import ActorKind

_MOST = 20_000
"""Copies of one kind. Beyond it all are made afresh, so that a busy account costs some megabytes
and no more."""

Fields = Said
Build = Callable[[Version, bool], Fields]
"""What a version is in a record; False if it is one of another time."""


class Known:
    """A thing with its versions. Whoever asks gets the same object for the same version.

    ``known`` is whether there is a version at all; ``unresolved`` is set for an actor of whom
    nothing is known. ``scope`` is the environment that a Space belongs to.
    """

    __slots__ = (
        "_build",
        "_history",
        "_made",
        "_newest",
        "_since",
        "_until",
        "known",
        "scope",
        "unresolved",
    )

    def __init__(
        self,
        history: Sequence[Version],
        build: Build,
        nothing: Fields,
        unresolved: ActorKind | None = None,
    ) -> None:
        """``nothing`` is for a record when there is no version at all."""
        self._history = history
        self._build = build
        self._made: dict[tuple[int, bool], Fields] = {}
        self._since, self._until = float("-inf"), float("inf")
        self._newest = nothing
        self.scope = ""
        self.unresolved = unresolved
        self.known = bool(history)
        if history:
            newest = history[-1]
            self._since = newest.since
            self._until = self._until if newest.until is None else newest.until
            self._newest = build(newest, True)
            self._made[newest.row, True] = self._newest
            self.scope = newest.scope

    def at(self, at: float) -> Fields:
        """As of a time, Unix seconds."""
        if self._since <= at <= self._until:
            return self._newest
        found = as_of(self._history, at)
        if found is None:
            return self._newest
        version, then = found
        made = self._made.get((version.row, then))
        if made is None:
            made = self._made[version.row, then] = self._build(version, then)
        return made


@dataclass(slots=True)
class Memory:
    """Belongs to one database, and is used in its thread only."""

    actors: dict[str, Known] = field(default_factory=dict)
    environments: dict[str, Known] = field(default_factory=dict)
    spaces: dict[str, Known] = field(default_factory=dict)
    _connection: sqlite3.Connection | None = None
    _state: tuple[int, int] | None = None

    def begin(self, connection: sqlite3.Connection) -> bool:
        """Throw away what does not hold any more, all of it; whether that was so.

        To be called in each transaction.
        """
        state = _state(connection)
        crowded = max(len(self.actors), len(self.environments), len(self.spaces)) > _MOST
        anew = crowded or state != self._state or connection is not self._connection
        if anew:
            self.actors.clear()
            self.environments.clear()
            self.spaces.clear()
        self._connection, self._state = connection, state
        return anew

    def keep(self, connection: sqlite3.Connection) -> None:
        """Go on with the copies after a change of one's own, having dropped what it touched."""
        self._state = _state(connection)


def _state(connection: sqlite3.Connection) -> tuple[int, int]:
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version), mark(connection)
