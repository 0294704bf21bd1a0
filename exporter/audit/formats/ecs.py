"""Format ``ecs``: the Elastic Common Schema, version 8.17.

What it has no field for stands under ``flatfile``, a namespace of our own, as the schema advises
("Custom fields"). ``payload``, ``context`` and ``detail`` there are objects of many shapes: index
``flatfile`` as ``flattened``.

=====================  =============================================================================
field                  where it comes from
=====================  =============================================================================
@timestamp             ``time``
event.id               ``uid``
event.action           ``topic``
event.kind             ``event``; ``enrichment`` for an amendment, ``pipeline_error`` for a gap
event.category, .type  by topic, only in pairs that the schema expects; none where none fits
event.outcome          ``failure`` for a job that failed, ``success`` for what happened, else absent
event.created          ``recorded``
event.sequence         ``sequence``
event.hash             SHA-256 of the record in the chain
event.provider         ``source``
user                   who did it; user.target is whom a change is about
organization.id        the account
labels                 ids and names of environment and Space
related                ids, names and addresses of people; hashes
flatfile               all that is left, as in the record; ``flatfile.amendment`` where the actor
                       was named by an amendment: the sequence of that
=====================  =============================================================================
"""

from collections.abc import Mapping
from types import MappingProxyType

from exporter.audit.formats.fields import (
    actor,
    amendment,
    encoded,
    mapping,
    plain,
    present,
    text,
)
from exporter.audit.record import Entry, Json, Kind

VERSION = "8.17.0"

_CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("user", "guest"), "iam"),
        **dict.fromkeys(("environment", "space", "agent", "secret", "action"), "configuration"),
        **dict.fromkeys(("records", "sheet", "workbook", "commit", "snapshot"), "database"),
        "file": "file",
    }
)
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("created", "added", "deployed"), "creation"),
        **dict.fromkeys(("deleted", "removed"), "deletion"),
        **dict.fromkeys(("completed", "failed"), "end"),
    }
)
_OTHERWISE = "change"
# What the schema expects beside the category (event.category, "expected event types"); of the
# types that are used here, only these are not expected everywhere.
_CHANGES_ONLY = frozenset({"database"})
_ENDS = frozenset({"api"})
_MEMBERSHIP = frozenset({"space:guestAdded", "space:guestRemoved"})


def ecs(entry: Entry) -> bytes:
    """One line of JSON."""
    record, who = entry.record, actor(entry)
    user = _person(entry, who)
    target = _person(entry, mapping(record.get("detail"))) if _about_person(record) else {}
    people = [value for person in (user, target) for value in person.values()]
    return encoded(
        {
            "@timestamp": record.get("time"),
            "ecs": {"version": VERSION},
            "message": record.get("topic"),
            "event": _event(entry),
            **present(
                user=present(**user, target=target),
                organization=present(id=text(mapping(record.get("context")).get("accountId"))),
                labels=_labels(record),
            ),
            "related": present(
                user=sorted(set(people)),
                hash=sorted({entry.hash, *filter(None, [text(record.get("raw"))])}),
            ),
            "flatfile": _rest(entry, who),
        }
    )


def _event(entry: Entry) -> dict[str, Json]:
    record = entry.record
    kind, category, types = _categories(record)
    return present(
        id=entry.uid,
        action=record.get("topic"),
        kind=kind,
        category=category,
        type=types,
        outcome=_outcome(record),
        created=record.get("recorded"),
        dataset="flatfile.audit",
        module="flatfile",
        provider=text(record.get("source")),
        sequence=entry.sequence,
        hash=entry.hash,
    )


def _categories(record: Mapping[str, Json]) -> tuple[str, list[str], list[str]]:
    match record.get("kind"):
        case Kind.AMENDMENT:
            return "enrichment", ["iam"], ["info"]
        case Kind.GAP:
            return "pipeline_error", [], []
        case Kind.REDACTION:
            return "event", ["database"], ["change"]
    topic = str(record.get("topic"))
    subject, _, verb = topic.partition(":")
    if topic in _MEMBERSHIP:
        return "event", ["iam"], ["change", "user"]
    category, of_type = _CATEGORIES.get(subject, "api"), _TYPES.get(verb, _OTHERWISE)
    if category in _CHANGES_ONLY or (of_type == "end" and category not in _ENDS):
        of_type = _OTHERWISE
    return "event", [category], [of_type, *(["user"] if category == "iam" else [])]


def _outcome(record: Mapping[str, Json]) -> str | None:
    if record.get("kind") not in {Kind.EVENT, Kind.CHANGE}:
        return None
    return "failure" if str(record.get("topic")).endswith(":failed") else "success"


def _about_person(record: Mapping[str, Json]) -> bool:
    subject = str(record.get("topic")).partition(":")[0]
    return record.get("kind") == Kind.CHANGE and subject in {"user", "guest"}


def _person(entry: Entry, who: Mapping[str, Json]) -> dict[str, Json]:
    """Of an actor, or of the person whom a change is about; an agent's name is its slug."""
    return present(
        id=text(who.get("id")),
        name=plain(entry, who.get("name")) or text(who.get("label")),
        email=plain(entry, who.get("email")),
    )


def _labels(record: Mapping[str, Json]) -> dict[str, str]:
    found = {
        f"{place}_{part}": text(mapping(record.get(place)).get(part))
        for place in ("environment", "space")
        for part in ("id", "name")
    }
    return {name: value for name, value in found.items() if value}


def _rest(entry: Entry, who: Mapping[str, Json]) -> dict[str, Json]:
    record = entry.record
    names = ("schema", "previous", "kind", "late", "source", "environment", "space")
    objects = ("context", "payload", "origin", "detail", "raw")
    kept = {name: record.get(name) for name in (*names, *objects)}
    return present(**kept, actor=dict(who), amendment=amendment(entry))
