"""Asking for everything once, and writing it when all of it is there.

The Spaces are read account-wide where that is possible and the agents environment by
environment, by the same functions as the daemon's.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import TextIO

from exporter.collectors.agentlist import Asker
from exporter.collectors.spacecount import every_space
from exporter.collectors.sweep import shortfall, sweep
from exporter.flatfile.models import Agent
from exporter.flatfile.protocol import Flatfile
from exporter.inventory.formats import FORMATS
from exporter.inventory.rows import Row, of_agent, of_environment, of_space, order
from exporter.settings import Settings

Progress = Callable[[str], None]


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
    spaces = await every_space(flatfile, ids, workers=settings.api.concurrency)
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
        spaces_of[home].append(of_space(by_id[home], space))
    rows = []
    for environment in environments:
        rows.append(of_environment(environment))
        rows += sorted(
            (of_agent(environment, agent) for agent in swept.answers[environment.id]),
            key=order,
        )
        rows += sorted(spaces_of[environment.id], key=order)
    return tuple(rows)


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
