"""A draft in its place: the canonical form of a record."""

from collections.abc import Mapping
from functools import lru_cache

from exporter.audit.canonical import Said, canonical, sure
from exporter.audit.record import SCHEMA, Draft, Json

_RECORD = (
    b'{"actor":%b,"context":%b,"detail":%b,"environment":%b,"kind":%b,"late":%b,"origin":%b'
    b',"payload":%b,"previous":"%b","raw":%b,"recorded":"%b","schema":%d,"sequence":%d,"source":%b'
    b',"space":%b,"time":"%b","topic":%b,"uid":%b}'
)
"""The names of a record are known and sorted here once (RFC 8785, section 3.2.3): to have them
sorted again in each record, and who and where said again, took a third of the time."""

_BOOLEANS = (b"false", b"true")


def body(draft: Draft, sequence: int, previous: bytes, time: bytes, recorded: bytes) -> bytes:
    """What is hashed.

    ``previous`` is the predecessor's hash (hex); ``time`` is when it happened, ISO 8601 as
    ``recorded`` is. Raises KeyError for a draft without all fields of a record.
    """
    fields = draft.fields
    raw = fields["raw"]
    return _RECORD % (
        _part(fields["actor"]),
        _flat(fields["context"]),
        _part(fields["detail"]),
        _part(fields["environment"]),
        _often(draft.kind),
        _BOOLEANS[draft.late],
        _part(fields["origin"]),
        _flat(fields["payload"]),
        previous,
        b"null" if raw is None else b'"%b"' % raw.encode(),
        recorded,
        SCHEMA,
        sequence,
        _often(fields["source"]),
        _part(fields["space"]),
        time,
        _often(draft.topic),
        sure(draft.uid),
    )


@lru_cache(maxsize=1_024)
def _often(text: str) -> bytes:
    """Of what stands in many records."""
    return sure(text)


def _flat(value: Mapping[str, Json]) -> bytes:
    """Of an allow-list; what an operator asked for comes as Said."""
    return value.text if value.__class__ is Said else sure(value)


def _part(value: Mapping[str, Json] | None) -> bytes:
    if value is None:
        return b"null"
    return value.text if value.__class__ is Said else canonical(value)
