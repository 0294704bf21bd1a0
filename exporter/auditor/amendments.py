"""What amendments said later about actors who were unresolved."""

import sqlite3
from collections.abc import Sequence

from exporter.audit.formats.amended import Amended
from exporter.audit.formats.fields import mapping, text
from exporter.audit.record import Entry
from exporter.audit.store import reading

_KEPT = 10_000  # actors; then the whole cache goes, so that memory stays bounded


class Amendments:
    """Looks them up by actor, once for each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_actor: dict[str, Sequence[Entry]] = {}

    def applied(self, entry: Entry) -> Entry:
        """The entry itself, or, if its actor was named later, with that."""
        actor = mapping(entry.record.get("actor"))
        actor_id = text(actor.get("id"))
        if actor_id is None or actor.get("basis") is not None:
            return entry
        for amendment in self._of(actor_id):
            detail = mapping(amendment.record.get("detail"))
            if detail.get("first", 0) <= entry.sequence <= detail.get("last", 0):
                return _amended(entry, amendment)
        return entry

    def _of(self, actor_id: str) -> Sequence[Entry]:
        if actor_id not in self._by_actor:
            if len(self._by_actor) >= _KEPT:
                self._by_actor.clear()
            found = reading.prefixed(self._connection, f"amendment/{actor_id}/")
            self._by_actor[actor_id] = found
        return self._by_actor[actor_id]


def _amended(entry: Entry, amendment: Entry) -> Amended:
    return Amended(
        sequence=entry.sequence,
        uid=entry.uid,
        at=entry.at,
        recorded=entry.recorded,
        body=entry.body,
        hash=entry.hash,
        record=entry.record,
        people={**entry.people, **amendment.people},
        actor=mapping(mapping(amendment.record.get("detail")).get("actor")),
        amendment=amendment.sequence,
    )
