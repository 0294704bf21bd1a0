"""Rows as a table, as JSON and as CSV."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import groupby

from exporter.inventory.rows import Row


def as_json(rows: Sequence[Row]) -> str:
    """A list of environments, each with its ``agents`` and ``spaces``."""
    environments: dict[str, dict[str, object]] = {}
    lists: dict[tuple[str, str], list[object]] = {}
    for row in rows:
        if row.kind == "environment":
            agents: list[object] = []
            spaces: list[object] = []
            lists[row.id, "agent"], lists[row.id, "space"] = agents, spaces
            environments[row.id] = {
                "id": row.id,
                "name": row.name,
                "production": row.state == "production",
                "agents": agents,
                "spaces": spaces,
            }
        else:
            item = {"id": row.id, "name": row.name, "state": row.state}
            if row.updated:
                item["updated"] = row.updated
            lists[row.environment_id, row.kind].append(item)
    return json.dumps(list(environments.values()), indent=2, ensure_ascii=False) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """One line a thing, with a heading (RFC 4180)."""
    out = io.StringIO()
    writer = csv.DictWriter(out, Row.__dataclass_fields__, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: _inert(value) for key, value in asdict(row).items()} for row in rows)
    return out.getvalue()


def _inert(value: str) -> str:
    """A name that a spreadsheet would run as a formula is quoted by an apostrophe."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def as_table(rows: Sequence[Row]) -> str:
    """For people: each environment with a sentence, and what is in it below.

    Of rows in the order of :func:`exporter.inventory.take.take`.
    """
    lines: list[str] = []
    for _, together in groupby(rows, key=lambda row: row.environment_id):
        environment, *inside = together
        agents = [r for r in inside if r.kind == "agent"]
        spaces = [r for r in inside if r.kind == "space"]
        deployed = sum(1 for agent in agents if agent.state == "deployed")
        note = ", production" if environment.state == "production" else ""
        heading = f"{_plain(environment.name)} ({environment.id}{note})"
        lines += [
            f"{heading}: {deployed} deployed agents, {len(spaces)} Spaces",
            *_columns([*agents, *spaces]),
            "",
        ]
    return "\n".join(lines)


def _columns(rows: Sequence[Row]) -> list[str]:
    cells = [(r.kind, r.state, r.id, r.updated, _plain(r.name)) for r in rows]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _plain(name: str) -> str:
    """A name must not be able to move the cursor of the terminal that it is printed on."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)


FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}
