"""What an actor is, by its id alone."""

import re

from exporter.audit.record import ActorKind

_KINDS = {
    "usr": ActorKind.USER,
    "g": ActorKind.GUEST,
    "ag": ActorKind.AGENT,
    "key": ActorKind.API_KEY,
}
_SHAPE = re.compile(r"[a-z0-9]+_(usr|g|ag|key)_")

PEOPLE = frozenset({ActorKind.USER, ActorKind.GUEST})
"""Those who have a name and an e-mail address."""


def kind_of(actor_id: str) -> ActorKind:
    """By the middle part (API notes, sections 2 and 9.2): the first one may name a region."""
    found = _SHAPE.match(actor_id)
    return _KINDS[found[1]] if found else ActorKind.UNKNOWN
