"""``inventory``: which Spaces and which agents exist in which environment, once.

The Spaces are read account-wide where that is possible and the agents environment by
environment, by the same functions as the daemon's.
"""

import asyncio
import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TextIO

from exporter.collectors.agents import Asker
from exporter.collectors.spacecount import every_space
from exporter.collectors.sweep import shortfall, sweep
from exporter.flatfile.models import Agent, Environment, Space
from exporter.flatfile.protocol import Flatfile
from exporter.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that exists: an environment, a Space or an agent.

    ``state`` is ``production`` or ``other`` for an environment, ``active``, ``archived`` or
    ``expired`` for a Space, ``deployed`` or ``system`` for an agent. ``name`` is an agent's slug.
    ``updated`` is ISO 8601, UTC; empty where the API does not say.
    """

    environment_id: str
    environment_name: str
    kind: str
    id: str
    name: str
    state: str
    updated: str = ""


async def take(flatfile: Flatfile, settings: Settings, progress: Progress) -> tuple[Row, ...]:
    """Ask for everything. Raises a RoundError if any part of it cannot be had: no half lists."""
    progress("listing environments")
    admits = settings.filter.environments.admits
    environments = sorted(
        (e for e in await flatfile.environments() if admits(e.id, e.name)),
        key=lambda e: (not e.production, e.name, e.id),
    )
    ids = [environment.id for environment in environments]
    progress("listing Spaces")
    spaces = await every_space(
        flatfile, ids, workers=settings.api.concurrency, page_size=settings.api.page_size
    )
    asker = Asker(flatfile, plain_lists_all=False)
    done = 0

    async def ask(environment_id: str) -> tuple[Agent, ...]:
        nonlocal done
        agents = await asker.ask(environment_id)
        done += 1
        progress(f"{len(spaces)} Spaces; agents of {done} of {len(ids)} environments")
        return agents

    swept = await sweep(ids, ask, workers=settings.api.concurrency)
    error = shortfall(swept.failures, len(ids), "environments' agents")
    if error:
        raise error
    spaces_of: dict[str, list[Row]] = {environment_id: [] for environment_id in ids}
    by_id = {environment.id: environment for environment in environments}
    for home, space in spaces:
        spaces_of[home].append(_of_space(by_id[home], space))
    rows = []
    for environment in environments:
        rows.append(_of_environment(environment))
        rows += sorted(
            (_of_agent(environment, agent) for agent in swept.answers[environment.id]),
            key=_order,
        )
        rows += sorted(spaces_of[environment.id], key=_order)
    return tuple(rows)


def _order(row: Row) -> tuple[str, str]:
    return row.name, row.id


def _of_environment(environment: Environment) -> Row:
    return Row(
        environment_id=environment.id,
        environment_name=environment.name,
        kind="environment",
        id=environment.id,
        name=environment.name,
        state="production" if environment.production else "other",
    )


def _of_agent(environment: Environment, agent: Agent) -> Row:
    updated = datetime.fromtimestamp(agent.updated_at, UTC)
    return Row(
        environment_id=environment.id,
        environment_name=environment.name,
        kind="agent",
        id=agent.id,
        name=agent.slug or "",
        state="system" if agent.system else "deployed",
        updated=updated.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def _of_space(environment: Environment, space: Space) -> Row:
    state = "archived" if space.archived_at else "expired" if space.expired_at else "active"
    return Row(
        environment_id=environment.id,
        environment_name=environment.name,
        kind="space",
        id=space.id,
        name=space.name,
        state=state,
    )


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
    """For people, of rows as :func:`take` orders them: each environment with a sentence, and what is in it below."""
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


def progress_on(stream: TextIO) -> Progress:
    """One line that is written over and over, on a terminal; nothing elsewhere."""
    if not stream.isatty():
        return lambda _: None

    def show(text: str) -> None:
        stream.write(f"\r\x1b[K{text}")
        stream.flush()

    return show


async def run(flatfile: Flatfile, settings: Settings, form: str) -> None:
    """Write it to standard output when all of it is there."""
    progress = progress_on(sys.stderr)
    try:
        rows = await take(flatfile, settings, progress)
    finally:
        progress("")
    text = await asyncio.to_thread(FORMATS[form], rows)
    sys.stdout.write(text)
