"""Reaching into records without trusting that a field is there, or of its kind.

A payload holds what the API sent, and a record may have been written by another version.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

from exporter.audit.formats.amended import Amended
from exporter.audit.record import Entry, Json

_NOTHING: Mapping[str, Json] = MappingProxyType({})


def mapping(value: Json) -> Mapping[str, Json]:
    """The object, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else _NOTHING


def text(value: Json) -> str | None:
    """The text, or None in place of an empty one and of anything else."""
    return value if isinstance(value, str) and value else None


def first(*values: Json) -> str | None:
    """The first of them that is text."""
    return next((found for value in values if (found := text(value))), None)


def plain(entry: Entry, commitment: Json) -> str | None:
    """The name or address behind a commitment; None where it was erased or is not kept."""
    return text(entry.people.get(commitment)) if isinstance(commitment, str) else None


def actor(entry: Entry) -> Mapping[str, Json]:
    """Who did it, as far as that is known by now; empty where nobody is named."""
    return mapping(entry.actor if isinstance(entry, Amended) else entry.record.get("actor"))


def amendment(entry: Entry) -> int | None:
    """The sequence of the amendment that named the actor, if one did."""
    return entry.amendment if isinstance(entry, Amended) else None


def present(**fields: Json) -> dict[str, Json]:
    """The fields that say something: neither None nor an empty object or list."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (isinstance(value, (Mapping, list, tuple)) and not value)
    }


def encoded(value: Json) -> bytes:
    """JSON on one line. What is no Unicode (a lone surrogate) becomes a question mark."""
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict)
    return line.encode("utf-8", "replace")
