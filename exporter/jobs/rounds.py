"""A round of a collector: look, measure, put it on the board, say what changed.

An expected error is counted and said once, when the collector begins to fail; its end is said
too. Anything else goes on up and ends the process.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from exporter import board
from exporter.collectors.contract import Collector, Observation, Round, Tell, unheard
from exporter.collectors.directory import Directory
from exporter.collectors.sweep import unhurried
from exporter.disposal import let_go
from exporter.errors import RoundError
from exporter.families import Measured, measure
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.whole import Offer, ignore
from exporter.precedence import GiveWay, never
from exporter.settings import Settings
from exporter.settings.durations import duration
from exporter.state.store import Store

_SHARE = 0.5
"""Of the interval, for a sweep through many things. The last one asked about is as old as that
when all are shown, so that what happens to the first one right after it was asked about shows
after one and a half intervals at most."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every round has at hand, whichever collector it is of.

    ``wall`` gives Unix seconds. One at a time puts something of a collector on the board: it holds
    ``showing`` from looking at what is there until that is replaced. ``playing`` is held by who
    plays a round.
    """

    flatfile: Flatfile
    directory: Directory
    store: Store
    settings: Settings
    board: board.Board
    wall: Callable[[], float]
    offer: Offer = ignore
    tell: Tell = unheard
    give_way: GiveWay = never
    showing: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )
    playing: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )


async def play(collector: Collector[Any], around: Surroundings, due: float | None = None) -> None:
    """One round, which was ``due`` then (loop time), else now. Raises nothing that is expected."""
    async with around.playing[collector.name]:
        await _play(collector, around, due)


def begun(name: str, around: Surroundings) -> Round[Any]:
    """A round of a collector that begins now."""
    settings = around.settings.collector
    interval = settings.by_name()[name].interval
    reading = around.board.snapshot.readings.get(name)
    return Round(
        flatfile=around.flatfile,
        directory=around.directory,
        store=around.store,
        settings=around.settings,
        previous=reading.data if reading else None,
        now=asyncio.get_running_loop().time(),
        wall=around.wall(),
        interval=interval,
        retain=settings.retention(interval),
        offer=around.offer,
        tell=around.tell,
    )


async def measured(
    collector: Collector[Any], around: Surroundings, data: object, interval: float
) -> tuple[Measured, ...]:
    """Off the loop: with many thousand series this takes long enough to make a scrape wait."""
    families = collector.families_of(around.settings.shard)
    suffix = f" Polled every {duration(interval)}."
    work = partial(measure, families, data, suffix=suffix, give_way=around.give_way)
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def _play(collector: Collector[Any], around: Surroundings, due: float | None) -> None:
    loop = asyncio.get_running_loop()
    name = collector.name
    this = begun(name, around)
    seen: Observation[Any] | None = None
    error: RoundError | None = None
    # The first round hurries, so that there is something to see.
    available = 0.0 if this.previous is None else _SHARE * this.interval
    try:
        with unhurried(available):
            seen = await collector.look(this)
        error = seen.error
    except RoundError as failure:
        error = failure
    before = around.board.snapshot.records.get(name)
    async with around.showing[name]:
        data = _newest(collector, around, this, seen)
        outcome = board.Outcome(
            now=loop.time(),
            started=this.wall,
            ended=around.wall(),
            duration=loop.time() - this.now,
            lateness=0.0 if due is None else max(0.0, this.now - due),
            data=data,
            measured=await measured(collector, around, data, this.interval) if seen else None,
            environments=seen.environments if seen else None,
            truncated=seen.truncated if seen else False,
            plan=seen.plan if seen else "",
            error=error,
        )
        old = around.board.snapshot.readings.get(name)
        things = [this, *(old.parts() if old and seen else ())]
        # Each of these would keep what is old until this task ends, on the event loop.
        del this, old
        around.board.swap(board.ended(name, outcome))
    after = around.board.snapshot.records.get(name)
    if before and after:
        _say(name, before, after, error)
    await loop.run_in_executor(None, let_go, things, around.give_way)


def _newest(
    collector: Collector[Any],
    around: Surroundings,
    this: Round[Any],
    seen: Observation[Any] | None,
) -> object:
    """What the round saw, without falling behind what was asked again while it was under way."""
    if seen is None:
        return None
    reading = around.board.snapshot.readings.get(collector.name)
    if reading is None or collector.newest is None:
        return seen.data
    return collector.newest(reading.data, seen.data, this.now)


def _say(name: str, before: board.Record, after: board.Record, error: RoundError | None) -> None:
    """One line for a change of state, none for its repetition."""
    if error is not None and before.succeeded is not False:
        log.warning("collector_failing", collector=name, reason=error.reason, problem=str(error))
    elif error is None and before.succeeded is False:
        failing = (after.last_success or 0.0) - (before.problem_since or 0.0)
        log.info("collector_recovered", collector=name, failing_for=duration(round(failing)))
    elif error is None and before.succeeded is None:
        log.info(
            "collector_first_round",
            collector=name,
            took=f"{after.duration or 0:.3f}s",
            plan=after.plan,
        )
    elif after.plan != before.plan:
        log.info("collector_plan_changed", collector=name, plan=after.plan)
