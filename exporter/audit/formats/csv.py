"""Format ``csv``: one row a record, for a spreadsheet (RFC 4180, UTF-8).

The columns are stable: a new one is only ever added at the end. ``context``, ``payload`` and
``detail`` are JSON in a cell.
"""

import csv
import io
from collections.abc import Mapping, Sequence

from exporter.audit.formats.fields import actor, amendment, encoded, mapping, plain
from exporter.audit.record import Entry, Json

COLUMNS = (
    *("sequence", "uid", "kind", "topic", "time", "recorded", "late", "source"),
    *("environment_id", "environment_name", "space_id", "space_name"),
    *("actor_id", "actor_kind", "actor_name", "actor_email", "actor_label", "actor_basis"),
    "actor_amended",
    *("context", "payload", "detail", "hash"),
)

_FORMULA = frozenset("=+-@\t\r\n\0")
"""How a cell begins that a spreadsheet would run (OWASP, "CSV Injection"; ASVS 5, 1.2.10)."""


def header() -> bytes:
    """The names of the columns, with the end of line."""
    return _row(COLUMNS)


def row(entry: Entry) -> bytes:
    """The cells of a record, with the end of line. A cell may hold line breaks, quoted.

    ``actor_amended`` is the sequence of the amendment that named the actor; empty otherwise.
    """
    record, who = entry.record, actor(entry)
    environment, space = mapping(record.get("environment")), mapping(record.get("space"))
    cells = {
        **{name: record.get(name) for name in ("kind", "topic", "time", "recorded", "source")},
        "sequence": entry.sequence,
        "uid": entry.uid,
        "late": record.get("late"),
        "environment_id": environment.get("id"),
        "environment_name": environment.get("name"),
        "space_id": space.get("id"),
        "space_name": space.get("name"),
        "actor_id": who.get("id"),
        "actor_kind": who.get("kind"),
        "actor_name": plain(entry, who.get("name")),
        "actor_email": plain(entry, who.get("email")),
        "actor_label": who.get("label"),
        "actor_basis": who.get("basis"),
        "actor_amended": amendment(entry),
        **{name: _json(record.get(name)) for name in ("context", "payload", "detail")},
        "hash": entry.hash,
    }
    return _row([_cell(cells[name]) for name in COLUMNS])


def _row(cells: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def _json(value: Json) -> str:
    return encoded(value).decode() if isinstance(value, Mapping) and value else ""


def _cell(value: Json) -> str:
    """What begins like a formula is made inert by an apostrophe, which spreadsheets do not show."""
    if isinstance(value, bool):
        return "true" if value else "false"
    written = "" if value is None else str(value)
    return f"'{written}" if written[:1] in _FORMULA else written
