"""Asking again about single environments, between the rounds of a collector."""

import asyncio
from typing import Any

from exporter import board
from exporter.collectors.contract import Collector
from exporter.disposal import let_go
from exporter.jobs.rounds import Surroundings, begun, measured


async def amend(
    collector: Collector[Any], around: Surroundings, environment_ids: frozenset[str]
) -> frozenset[str]:
    """Show what these are like now; those of them that look as before.

    Nothing is asked before the collector has something to show: all of them are unchanged then.
    Raises what the client raises.
    """
    this = begun(collector.name, around)
    if collector.again is None or this.previous is None:
        return environment_ids
    amendment = await collector.again(this, environment_ids)
    async with around.showing[collector.name]:
        reading = around.board.snapshot.readings.get(collector.name)
        if reading is None:  # too old by now to be shown, and so is what was asked again
            return environment_ids
        data = amendment.patch(reading.data)
        found = await measured(collector, around, data, this.interval)
        things = [this, *reading.parts()]
        del this, reading  # each would keep what is old until this task ends, on the event loop
        around.board.swap(board.amended(collector.name, data, found, len(environment_ids)))
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, let_go, things, around.give_way)
    return amendment.unchanged
