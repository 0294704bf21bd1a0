"""How far the feed was read, kept in the store's cursors (:mod:`exporter.audit.feed.scopes`)."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.audit.feed import scopes
from exporter.audit.feed.answer import ANCHORS
from exporter.audit.store import cursors
from exporter.audit.store.cursors import Change
from exporter.audit.store.database import Database

ACCOUNT = ""
"""Stands for the account where an environment's id is wanted."""


@dataclass(slots=True)
class Ledger:
    """What the store says, and what is to be written to it by whoever takes it."""

    marks: dict[str, float]
    complete: dict[str, float]
    anchors: dict[str, dict[str, float]]
    """By environment: the time of each by its id."""
    void: dict[str, float]
    origin: float | None
    agreed: float | None
    apart: bool
    held: float | None
    owed: float | None = None
    owing: float | None = None
    partial: dict[str, float] = field(default_factory=dict)
    _changes: list[Change] = field(default_factory=list)

    @property
    def blank(self) -> bool:
        """Whether no event was ever read."""
        return not self.anchors and not self.partial

    def begin(self, at: float) -> None:
        """A log that was never fed begins there, whatever was taken for its beginning before."""
        self.drop([*self.marks])
        self.origin = at
        self._changes.append((scopes.ORIGIN, at))
        self.move(ACCOUNT, mark=at)
        if self.agreed is not None:
            self.agreed = at
            self._changes.append((scopes.AGREED, at))
        if self.owed is not None:
            self._owe(at, at)

    def newest_anchors(self, scope: str) -> dict[str, float]:
        """At most ANCHORS; those of the account are of all, and none of them younger than its mark.

        One of an environment may be: the account showed it, and then was not trusted any more.
        """
        last = float("inf") if scope else self.marks.get(ACCOUNT, float("inf"))
        void = self.void.get(scope, float("-inf"))
        held = [self.anchors.get(scope, {})] if scope else self.anchors.values()
        all_ = [(at, key) for kept in held for key, at in kept.items() if void < at <= last]
        return {key: at for at, key in sorted(all_)[-ANCHORS:]}

    def outrun(self, scope: str) -> bool:
        """Whether there are anchors of the account, and all of them are younger than its mark.

        Environments were read further than it by themselves.
        """
        if scope != ACCOUNT or scope in self.void:
            return False
        return any(self.anchors.values()) and not self.newest_anchors(scope)

    def move(self, scope: str, *, mark: float | None = None, complete: float | None = None) -> None:
        """Marks never move back."""
        if mark is not None and mark > self.marks.get(scope, float("-inf")):
            self.marks[scope] = mark
            self._changes.append((scopes.of(scopes.FEED, scope), mark))
        if complete is not None and complete != self.complete.get(scope):
            self.complete[scope] = complete
            self._changes.append((scopes.of(scopes.UPTO, scope), complete))
            if self.partial.pop(scope, None) is not None:
                self._changes.append((scopes.of(scopes.PARTIAL, scope), None))

    def reach(self, scope: str, at: float) -> None:
        """Something was read, and all of it once the source goes back to ``at`` the next time."""
        if scope not in self.complete and at != self.partial.get(scope):
            self.partial[scope] = at
            self._changes.append((scopes.of(scopes.PARTIAL, scope), at))

    def read_whole(self, wall: float) -> None:
        self._changes.append((scopes.READ, wall))

    def agree(self) -> None:
        """The account's own feed showed what its environments did, up to its mark."""
        self.agreed = self.marks[ACCOUNT]
        self._changes.append((scopes.AGREED, self.agreed))
        if self.apart:
            self.apart = False
            self._changes.append((scopes.APART, None))
        self.drop([scope for scope in self.marks if scope != ACCOUNT])

    def part(self, wall: float, *, anew: bool) -> None:
        """Environments are read one by one for good; ``anew`` if none of their marks holds.

        Then the account's own feed cannot be trusted either, and nothing of it is owed.
        """
        if not self.apart and anew:
            self.drop([scope for scope in self.marks if scope != ACCOUNT])
        if anew:
            self.settle()
        else:
            self.owe()
        self.apart = True
        self._changes.append((scopes.APART, wall))

    def owe(self) -> None:
        """Environments are about to be read one by one, and some may be gone by now.

        Their last events are shown by the account's own feed alone, which has to be read from here
        on once it can be had again; where it never could, nothing is owed.
        """
        if self.owed is None and self.agreed is not None and not self.apart:
            mark = self.marks[ACCOUNT]
            self._owe(mark, self.complete.get(ACCOUNT, mark))

    def settle(self) -> None:
        """Nothing is owed any more."""
        if self.owed is not None:
            self._owe(None, None)

    def inherit(self, environment_id: str, *, trusted: bool) -> None:
        """An environment that was not read by itself yet begins where the account stands.

        If what the account showed cannot be trusted, that is where it last could, or where the log
        begins: the environment may be new, or the account may never have shown it. Of one without
        any event there is nothing that could have been forgotten.
        """
        if environment_id in self.marks:
            return
        begin = self.origin if self.agreed is None else self.agreed
        mark, complete = begin, self.agreed
        if trusted:
            mark, complete = self.marks[ACCOUNT], self.complete.get(ACCOUNT)
        known = bool(self.anchors.get(environment_id))
        self.move(environment_id, mark=mark, complete=complete if known else None)

    def hold(self, seconds: float) -> None:
        if seconds != self.held:
            self.held = seconds
            self._changes.append((scopes.HELD, seconds))

    def anchor(self, found: Mapping[str, Iterable[tuple[float, str]]]) -> None:
        """Keep the newest of what was kept and what was found."""
        for environment_id, new in found.items():
            old = self.anchors.get(environment_id, {})
            both = {(at, key) for key, at in old.items()} | set(new)
            kept = {key: at for at, key in sorted(both)[-ANCHORS:]}
            if kept != old:
                self._keep(environment_id, kept)

    def cast(self, scope: str) -> None:
        """No anchor of this scope is shown any more."""
        self.void[scope] = max((self.marks[scope], *self.newest_anchors(scope).values()))
        self._changes.append((scopes.of(scopes.VOID, scope), self.void[scope]))

    def drop(self, environment_ids: Iterable[str]) -> None:
        """They are not read by themselves any more; their anchors stay."""
        for environment_id in environment_ids:
            if self.marks.pop(environment_id, None) is not None:
                self._changes.append((scopes.of(scopes.FEED, environment_id), None))
            if self.complete.pop(environment_id, None) is not None:
                self._changes.append((scopes.of(scopes.UPTO, environment_id), None))
            if self.void.pop(environment_id, None) is not None:
                self._changes.append((scopes.of(scopes.VOID, environment_id), None))
            if self.partial.pop(environment_id, None) is not None:
                self._changes.append((scopes.of(scopes.PARTIAL, environment_id), None))

    def take(self) -> Sequence[Change]:
        """What is to be written; the caller has to, or to load it anew."""
        changes, self._changes = self._changes, []
        return changes

    def _owe(self, mark: float | None, complete: float | None) -> None:
        self.owed, self.owing = mark, complete
        self._changes += [(scopes.OWED, mark), (scopes.OWING, complete)]

    def _keep(self, environment_id: str, kept: dict[str, float]) -> None:
        old = self.anchors.get(environment_id, {})
        self._changes += [
            (scopes.anchor(environment_id, key), None) for key in old if key not in kept
        ]
        self._changes += [
            (scopes.anchor(environment_id, key), at) for key, at in kept.items() if key not in old
        ]
        self.anchors[environment_id] = kept


async def load(database: Database) -> Ledger:
    """As it stands. Raises StorageFailed."""
    return await database.run(_load)


def _load(connection: sqlite3.Connection) -> Ledger:
    return Ledger(
        marks=scopes.by_scope(connection, scopes.FEED),
        complete=scopes.by_scope(connection, scopes.UPTO),
        anchors=scopes.anchors(connection),
        void=scopes.by_scope(connection, scopes.VOID),
        origin=cursors.mark(connection, scopes.ORIGIN),
        agreed=cursors.mark(connection, scopes.AGREED),
        apart=cursors.mark(connection, scopes.APART) is not None,
        held=cursors.mark(connection, scopes.HELD),
        owed=cursors.mark(connection, scopes.OWED),
        owing=cursors.mark(connection, scopes.OWING),
        partial=scopes.by_scope(connection, scopes.PARTIAL),
    )
