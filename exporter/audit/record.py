"""What one record of the audit log is: format ``native``, version 1.

A record is a JSON object whose canonical form (RFC 8785) is hashed with SHA-256; the hash of a
record stands in its successor as ``previous``. Names and e-mail addresses of people are never in
it, only commitments to them (see :mod:`exporter.audit.people`), so that a person can be erased
and the chain still verifies.

===========  =======================================================================================
field        meaning
===========  =======================================================================================
schema       1
sequence     place in the order of arrival; 1 for the first, without holes
previous     SHA-256 (hex) of the predecessor's canonical form; 64 zeros for the first
uid          idempotency key: the event's id, or one derived from what a record is about
kind         see :class:`Kind`
topic        of the event; ``user:added`` and its like for a change; ``audit:…`` for the others
time         when it happened, ISO 8601, UTC, milliseconds
recorded     when it was appended, likewise
late         whether its time had been read up to when it arrived
source       ``feed``, ``backfill`` or ``listing``; ``exporter`` for what the exporter says itself
actor        null, or who did it: see :mod:`exporter.audit.joining`
environment  null, or ``{id, name}``; the name is null where it is not known
space        null, or ``{id, name}``
context      the ids that the event names, by their names in the API
payload      the allow-listed fields of the event's payload
origin       null, or ``{id, slug}``
raw          SHA-256 of the canonical form of the event as it was received; null for the others
detail       what a record that is no event says
===========  =======================================================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, NamedTuple

Json = Any
"""None, a boolean, a number, a string, or a list or a mapping of those."""

SCHEMA = 1
GENESIS = "0" * 64
"""``previous`` of the first record."""


@unique
class Kind(StrEnum):
    EVENT = "event"
    """An event of the account."""
    CHANGE = "change"
    """A difference between two listings, for which the API has no event."""
    AMENDMENT = "amendment"
    """What became known later about records that stand already."""
    GAP = "gap"
    """Something is missing here that cannot be had any more."""
    REDACTION = "redaction"
    """The key of a person was destroyed."""


EVENT = Kind.EVENT
"""By a name of its own: to look a member up by the name of its class costs four times as much."""


@unique
class ActorKind(StrEnum):
    """By the middle part of the actor's id (API notes, sections 2 and 9.2)."""

    USER = "user"
    GUEST = "guest"
    AGENT = "agent"
    API_KEY = "api_key"
    UNKNOWN = "unknown"


class Draft(NamedTuple):
    """A record before it has its place in the chain. A tuple: thousands a second are made.

    ``fields`` are all fields but schema, sequence, previous, uid, kind, topic, time, recorded and
    late. ``at`` is Unix seconds. ``unresolved`` is set where there is an actor of whom nothing
    but the id is known.
    """

    uid: str
    kind: Kind
    topic: str
    at: float
    fields: Mapping[str, Json]
    late: bool = False
    unresolved: ActorKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record as it stands in the store.

    ``body`` is its canonical form, ``hash`` the SHA-256 of that (hex), ``record`` the same decoded.
    ``people`` gives the plain text of the commitments in it, as far as it is kept.
    """

    sequence: int
    uid: str
    at: float
    recorded: float
    body: bytes
    hash: str
    record: Mapping[str, Json]
    people: Mapping[str, str] = field(default_factory=dict, repr=False)


def blank(**given: Json) -> dict[str, Json]:
    """All fields of a record that is no event."""
    return {
        "source": "exporter",
        "actor": None,
        "environment": None,
        "space": None,
        "context": {},
        "payload": {},
        "origin": None,
        "raw": None,
        "detail": None,
        **given,
    }


def commitments(record: Mapping[str, Json]) -> Sequence[str]:
    """The commitments to names and e-mail addresses that a record holds."""
    found: list[str] = []
    detail = record.get("detail") or {}
    holders = [record.get("actor"), detail, *detail.values()]
    for holder in holders:
        if isinstance(holder, Mapping):
            values = (holder.get("name"), holder.get("email"))
            found += [v for v in values if isinstance(v, str) and v.startswith("hmac-sha256:")]
    return found
