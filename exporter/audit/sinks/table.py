"""The table of the sink ``postgresql``, and a record as a row of it.

===================  ===========  ==================================================================
column               type         meaning
===================  ===========  ==================================================================
sequence             bigint       place in the log
uid                  text         primary key: the event's id, or one derived
kind, topic          text         as in the record
time, recorded       timestamptz  when it happened, when it was appended
environment_id       text         null where there is none; so are the following
environment_name     text
space_id             text
space_name           text
actor_id             text
actor_kind           text         user, guest, agent, api_key, unknown
actor_name           text         plain name of a person, slug of an agent
actor_email          text         plain
record               jsonb        the record, with commitments instead of names
hash                 bytea        SHA-256 of the record's canonical form (RFC 8785)
===================  ===========  ==================================================================

The plain columns are null where personal data is pseudonymous, and again after a redaction.
``jsonb`` cannot hold U+0000 (PostgreSQL documentation, 8.14): such a record is stored with U+FFFD
in its place, so that nobody can keep a deed out of the table by a name, and ``hash`` shows it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from exporter.audit.record import Entry, Json, Kind

COLUMNS: Mapping[str, str] = {
    "sequence": "bigint",
    "uid": "text",
    "kind": "text",
    "topic": "text",
    "time": "timestamp with time zone",
    "recorded": "timestamp with time zone",
    "environment_id": "text",
    "environment_name": "text",
    "space_id": "text",
    "space_name": "text",
    "actor_id": "text",
    "actor_kind": "text",
    "actor_name": "text",
    "actor_email": "text",
    "record": "jsonb",
    "hash": "bytea",
}
"""Types by column, in the spelling of ``format_type``."""

_ALWAYS = {"sequence", "kind", "topic", "time", "recorded", "record", "hash"}
_INDEXES = ("sequence", "time", "topic, time", "environment_id, time", "space_id, time")
_PLACE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")  # 63 bytes are what PostgreSQL keeps of a name

Row = tuple[Any, ...]


def quoted(table: str) -> str:
    """``table`` or ``schema.table`` as an identifier, upper and lower case as written.

    Raises ValueError for what is no such name.
    """
    parts = table.split(".")
    if len(parts) > 2 or not all(_PLACE.fullmatch(part) for part in parts):  # noqa: PLR2004 - schema and table
        raise ValueError(
            "is not the name of a table; write TABLE or SCHEMA.TABLE in letters, digits and _"
        )
    return ".".join(f'"{part}"' for part in parts)


def creation(table: str) -> str:
    """Statements that make the table and its indexes; ``table`` is quoted."""
    columns = ",\n  ".join(
        f"{name} {kind}{' PRIMARY KEY' * (name == 'uid')}{' NOT NULL' * (name in _ALWAYS)}"
        for name, kind in COLUMNS.items()
    )
    indexes = [*_INDEXES, "actor_id, time"]
    return "\n".join(
        [
            f"CREATE TABLE {table} (\n  {columns}\n);",
            *(f"CREATE INDEX ON {table} ({names});" for names in indexes),
        ]
    )


def insertion(table: str) -> str:
    """One statement for any number of rows: an array for each column."""
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(COLUMNS.values(), 1))
    return (
        f"INSERT INTO {table} ({', '.join(COLUMNS)})"  # noqa: S608 - validated and quoted
        f" SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
    )


def redaction(table: str) -> str:
    """Takes the plain text of persons away; the argument is an array of their ids."""
    return (
        f"UPDATE {table} SET actor_name = NULL, actor_email = NULL"  # noqa: S608 - validated and quoted
        " WHERE actor_id = ANY($1::text[])"
        " AND (actor_name IS NOT NULL OR actor_email IS NOT NULL)"
    )


def redacted(entries: Sequence[Entry]) -> list[str]:
    """The persons whose keys were destroyed, by the records of that."""
    details = (e.record.get("detail") for e in entries if e.record["kind"] == Kind.REDACTION)
    people = (detail.get("person") for detail in details if isinstance(detail, Mapping))
    return [person for person in people if isinstance(person, str)]


def columns(entries: Sequence[Entry]) -> list[list[Any]]:
    """The arrays for :func:`insertion`."""
    rows = [_row(entry) for entry in entries]
    return [list(column) for column in zip(*rows, strict=True)]


def _row(entry: Entry) -> Row:
    record: Mapping[str, Json] = entry.record
    text = entry.body.decode()
    if "\\u0000" in text:  # or a backslash and then "u0000", which costs nothing but the time
        record = _storable(record)
        text = json.dumps(record, ensure_ascii=False)
    environment = record.get("environment") or {}
    space = record.get("space") or {}
    actor = record.get("actor") or {}
    return (
        entry.sequence,
        _storable(entry.uid),
        record["kind"],
        record["topic"],
        datetime.fromtimestamp(entry.at, UTC),
        datetime.fromtimestamp(entry.recorded, UTC),
        environment.get("id"),
        environment.get("name"),
        space.get("id"),
        space.get("name"),
        actor.get("id"),
        actor.get("kind"),
        _storable(entry.people.get(actor.get("name") or "") or actor.get("label")),
        _storable(entry.people.get(actor.get("email") or "")),
        text,
        bytes.fromhex(entry.hash),
    )


def _storable(value: Json) -> Json:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return dict(_pairs(value))
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value


def _pairs(value: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for key, each in value.items():
        yield key.replace("\0", "\ufffd"), _storable(each)
