"""Plays a storm in virtual time, and looks at what must hold every few seconds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from exporter.flatfile.gate import LONGEST
from exporter.state import tally
from tests.chaos import auditlog
from tests.chaos.invariants import Watch
from tests.chaos.leaks import grown, left
from tests.chaos.loop import ChaosLoop
from tests.chaos.page import Page
from tests.chaos.stage import INTERVALS, Stage, stage
from tests.chaos.storms import Blow, climate, storm
from tests.support.loop import VirtualLoop

LOOK = 5.0  # seconds between two looks
WARM = 400.0  # seconds until every collector has had its rounds
HEAL = LONGEST + 3 * max(INTERVALS.values())
"""Seconds: within the longest pause after failures and three rounds of the slowest collector, all
is as it was before."""

STILL = 2 * max(INTERVALS.values())  # seconds at the end in which nothing happens any more
BLOCKED = 0.1  # seconds of processor time that one step may keep the loop from turning


class Broken(AssertionError):
    """An invariant does not hold. The message says how to play it again."""


@dataclass
class Played:
    """What a storm was."""

    seed: int
    hours: float
    audit: Path | None = None
    began: float = 0.0
    looks: int = 0
    requests: int = 0
    blows: int = 0
    events: float = 0
    records: float = 0
    failures: float = 0
    longest: float = 0.0
    longest_was: str = ""
    grown: int = 0
    beaten: list[Blow] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, {self.hours:g} h: {self.blows} troubles, {self.requests:,} requests,"
            f" {self.failures:g} failed rounds, {self.looks:,} looks, {self.events:g} events counted"
            f" once{f', {self.records:g} audit records' if self.audit else ''}; longest step {self.longest * 1000:.0f} ms ({self.longest_was}),"
            f" {self.grown:+,} objects"
        )


async def play(seed: int, hours: float, *, audit: Path | None = None, **how: Any) -> Played:
    """With an audit log in the folder ``audit``, if there is one.

    Raises Broken at the first thing that is not as it must be.
    """
    asyncio.current_task().set_name("chaos")  # type: ignore[union-attr] # there is one
    played = Played(seed, hours, audit)
    async with stage(seed, climate(seed), audit=audit, **how) as made:
        await _play(made, played, storm(seed, hours))
    return played


async def _play(made: Stage, played: Played, blows: list[Blow]) -> None:
    loop = asyncio.get_running_loop()
    by_name = made.settings.collector.by_name()
    watch = Watch(
        made.world,
        made.chronicle,
        {name: made.settings.collector.retention(one.interval) for name, one in by_name.items()},
        {name: one.interval for name, one in by_name.items()},
    )

    async def look(until: float) -> None:
        while loop.time() < until:
            await asyncio.sleep(min(LOOK, until - loop.time()))
            page = await _page(made, played)
            _hold(played, watch.problems(loop.time(), page))

    await asyncio.sleep(WARM)
    watch.counted_from(await _origin(made))
    before = await left(made)
    # What was forgotten for that may stand on the page for a while.
    await asyncio.sleep(max(watch.staleness(name) for name in by_name))
    if isinstance(loop, ChaosLoop):
        loop.longest = 0.0  # the beginning has its own figures
    began = played.began = loop.time()
    ends: list[Blow] = []
    for blow in [*blows, None]:
        at = began + (blow.at if blow else played.hours * 3600 + 1)
        while ends and began + ends[0].until <= at:
            ending = ends.pop(0)
            await look(began + ending.until)
            ending.trouble.end(made)
        await look(at)
        if blow is None:
            break
        played.blows += 1
        played.beaten.append(blow)
        blow.trouble.begin(made)
        ends = sorted([*ends, blow], key=lambda one: one.until)
    await _heal(made, played, watch, look)
    after = await left(made)
    played.grown = sum(before.more(after).values())
    _hold(played, grown(before, after))


async def _heal(made: Stage, played: Played, watch: Watch, look: Callable[[float], Any]) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.time()
    await look(ended + HEAL)
    made.world.rest()  # so that what is counted can be compared exactly
    await look(loop.time() + STILL)
    page = await _page(made, played)
    _hold(played, watch.unhealed(loop.time(), page, loop.time() - STILL))
    lag, window = 2 * INTERVALS["events"] + 5.0, made.settings.events.window
    _hold(played, watch.still_wrong_of_late(made.clock(), lag, window, page))
    _hold(played, watch.miscounted(page, _counted(made, watch.origin)))
    _hold(played, watch.misran(page, [run async for run in _ran(made)]))
    if played.audit is not None:
        _hold(played, auditlog.problems(played.audit, _public_key(made), _happened(made)))
        played.records = sum(page.of("flatfile_audit_records_total").values())
    played.events = sum(page.of("flatfile_events_total").values())
    played.failures = sum(page.of("flatfile_collector_failures_total").values())
    played.requests = int(sum(page.of("flatfile_api_requests_total").values()))
    if isinstance(loop, ChaosLoop):
        played.longest, played.longest_was = loop.longest, loop.longest_was
        if loop.longest > BLOCKED:
            what = f"the loop stood still for {loop.longest * 1000:.0f} ms: {loop.longest_was}"
            _hold(played, iter([what]))


def _counted(made: Stage, origin: float) -> Iterator[tuple[str, str]]:
    exist = {environment.id for environment in made.world.account.environments}
    for event in made.world.events(origin):
        if event.environment_id in exist:
            yield event.environment_id, event.topic


async def _ran(made: Stage) -> AsyncIterator[tuple[str, str, str]]:
    """Executions in each environment since counting began; all of one that came in the storm."""
    for environment in made.world.account.environments:
        name = f"executions/{environment.id}"
        cursor = await made.daemon._store.run(partial(tally.peek, name=name))
        assert cursor is not None, f"no cursor {name} after the last rounds"
        for run in made.world.account.history.executions(environment.id):
            came_later = environment.created_at > VirtualLoop.EPOCH + WARM
            if came_later or run.at >= cursor.origin:
                yield environment.id, run.topic, "success" if run.success else "failure"


def _happened(made: Stage) -> auditlog.Happened:
    return auditlog.Happened(
        since=VirtualLoop.EPOCH,
        account_wide=made.climate.events_account_wide == "allowed",
        events=made.world.events(),
        environments=frozenset(environment.id for environment in made.world.account.environments),
    )


def _public_key(made: Stage) -> str:
    assert made.daemon._audit is not None
    return made.daemon._audit.public_key


async def _page(made: Stage, played: Played) -> Page:
    """Parsed; and the process is alive and well."""
    if made.running.done():
        with suppress(asyncio.CancelledError):
            _hold(played, iter([f"the daemon ended: {made.running.exception()!r}"]))
    status, _ = await made.get("/-/healthy")
    scraped, body = await made.get("/metrics")
    if (status, scraped) != (200, 200):
        _hold(played, iter([f"health {status}, page {scraped}"]))
    played.looks += 1
    return Page.parse(body)


def _hold(played: Played, problems: Iterator[str]) -> None:
    first = next(problems, None)
    if first is None:
        return
    lines = [first, *(p for _, p in zip(range(9), problems, strict=False))]
    now = asyncio.get_running_loop().time()
    beaten = "\n  ".join(str(blow) for blow in played.beaten[-15:])
    raise Broken(
        "\n".join(lines)
        + f"\nat {now - played.began:.1f} s of the storm. The latest troubles:\n  {beaten}\nPlay it again:"
        f" python -m tests.chaos --seed {played.seed} --hours {played.hours:g}{' --audit' if played.audit else ''}"
    )


async def _origin(made: Stage) -> float:
    found = await made.daemon._store.run(partial(tally.peek, name="events"))
    if found is not None:
        return found.origin
    # Counted environment by environment from the start: then all of them began alike.
    name = f"events/{next(iter(made.world.account.environments)).id}"
    found = await made.daemon._store.run(partial(tally.peek, name=name))
    assert found is not None, "no cursor after the first rounds"
    return found.origin
