"""A draft in its place: the canonical form of a record."""

from exporter.audit.canonical import canonical_but_for
from exporter.audit.record import SCHEMA, Draft
from exporter.audit.store.times import iso


def body(draft: Draft, *, sequence: int, previous: str, recorded: str) -> bytes:
    """What is hashed; ``previous`` is the predecessor's hash (hex), ``recorded`` ISO 8601."""
    fields = draft.fields
    return canonical_but_for(
        {
            **fields,
            "kind": draft.kind.value,
            "late": draft.late,
            "previous": previous,
            "recorded": recorded,
            "schema": SCHEMA,
            "sequence": sequence,
            "time": iso(draft.at),
            "topic": draft.topic,
            "uid": draft.uid,
        },
        # All else are ids, names and commitments: see exporter.audit.select and joining.
        (fields["payload"], fields["detail"]),
    )
