"""What an appending adds to the counts that the metrics show."""

import sqlite3
from collections.abc import Sequence

from exporter.audit.record import EVENT, ActorKind, Draft, Kind
from exporter.audit.store import tallies, unresolved

_AHEAD = 300.0  # seconds; an event dated further in the future says nothing about the newest


class Count:
    """Gathers over the parts of one transaction; ``now`` is Unix seconds."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._late = 0
        self._gaps = 0
        self._newest = float("-inf")
        self._lags: list[float] = []
        self._named: list[tuple[str, ActorKind, int]] = []

    def add(self, new: Sequence[Draft], first: int) -> None:
        """Records of these are appended; ``first`` is the sequence of the first one."""
        soon = self._now + _AHEAD
        for sequence, draft in enumerate(new, first):
            at, kind = draft.at, draft.kind
            if draft.late:
                self._late += 1
            if kind is EVENT:
                if self._newest < at <= soon:
                    self._newest = at
                # What is read again of long ago says nothing about how far the feed is behind.
                if draft.fields["source"] != "backfill":
                    self._lags.append(self._now - at)
            elif kind is Kind.GAP:
                self._gaps += 1
            if draft.unresolved is not None:
                self._named.append((draft.fields["actor"]["id"], draft.unresolved, sequence))

    def write(self, connection: sqlite3.Connection, *, records: int, duplicates: int) -> None:
        """To the tables, in the transaction of what is counted."""
        counted: dict[tallies.Key, float] = {
            (tallies.RECORDS, ""): records,
            (tallies.DUPLICATES, ""): duplicates,
            (tallies.LATE, ""): self._late,
            (tallies.GAPS, ""): self._gaps,
            **tallies.lags(self._lags),
        }
        for _, kind, _ in self._named:
            counted[tallies.UNRESOLVED, kind] = counted.get((tallies.UNRESOLVED, kind), 0) + 1
        tallies.add(connection, counted)
        unresolved.note(connection, self._named)
        if self._gaps:
            tallies.raise_to(connection, (tallies.LAST_GAP, ""), self._now)
        if self._newest > float("-inf"):
            tallies.raise_to(connection, (tallies.NEWEST, ""), self._newest)
