"""How soon a lost agent shows: events as hints against plain polling, in virtual time.

The whole daemon at its default budget of ten requests a second, and an account in which the agents
of one environment after the other are deleted. Seconds and requests are those of the emulated
account's clock, so they are the same on every machine.
"""

import asyncio
from collections.abc import Mapping
from random import Random
from statistics import median

from exporter.emulator import Scale
from tests.benchmarks.measure import Effort, Figures, alternate, line
from tests.support.days import Days, running

_LOST = 8  # environments that lose their agents, one after the other
_LOOK = 0.25  # seconds between two looks at the page
_PATIENCE = 1_500.0  # seconds until a lost agent has to show
_DEFAULTS = {
    "collector.environments.interval": "1m",
    "collector.agents.interval": "1m",
    "collector.events.interval": "30s",
}


async def run(effort: Effort) -> None:
    size = effort.size(2_000, 20)
    dice = Random(7)  # other environments and moments each turn

    async def hints() -> Figures:
        return await _lose("hints", size, {"events.watch": "true"}, dice.randrange(1 << 30))

    async def polling() -> Figures:
        return await _lose("polling", size, {"events.watch": "false"}, dice.randrange(1 << 30))

    found = await alternate(2, hints, polling)
    for measure in ("median", "worst"):
        plain, ours = f"polling, {measure}", f"hints, {measure}"
        line(
            f"time from the loss of an agent to the page, {size:,} environments, {measure},"
            " plain polling / with hints",
            found.ratios((plain,), (ours,)),
            f"{found.median(plain):.1f} s against {found.median(ours):.1f} s",
        )
    line(
        f"requests a minute, {size:,} environments, with hints / plain polling",
        found.ratios(("hints, requests",), ("polling, requests",)),
        f"{found.median('hints, requests'):.0f} against {found.median('polling, requests'):.0f}",
    )


async def _lose(name: str, size: int, flags: Mapping[str, str], seed: int) -> Figures:
    scale = Scale(environments=size, spaces=10, users=5, guests=5, events_per_minute=60, rare=0)
    dice = Random(seed)
    async with running(scale, {**_DEFAULTS, **flags}) as days:
        await asyncio.sleep(60 + size * 0.12)  # until everything has been seen once
        began, sent = _now(), _requests(days)
        taken = []
        for lost in dice.sample([of for of, agents in _agents(days).items() if agents], _LOST):
            await asyncio.sleep(dice.uniform(0.0, 60.0))
            days.emulator.world.delete_agents(lost)
            taken.append(await _shown(days, lost))
        minutes = (_now() - began) / 60.0
        return {
            f"{name}, median": median(taken),
            f"{name}, worst": max(taken),
            f"{name}, requests": (_requests(days) - sent) / minutes,
        }


async def _shown(days: Days, environment_id: str) -> float:
    """Seconds until the page shows that it has no agent."""
    began = _now()
    while _agents(days)[environment_id]:
        if _now() - began > _PATIENCE:
            raise TimeoutError(f"{environment_id} still shows agents after {_PATIENCE:.0f} s")
        await asyncio.sleep(_LOOK)
    return _now() - began


def _agents(days: Days) -> dict[str, float]:
    reading = days.daemon._board.snapshot.readings["agents"]
    (family,) = [f for f in reading.shown if f.name == "flatfile_environment_agents"]
    return {labels[0]: float(value) for labels, value in family.samples}  # type: ignore[arg-type] # gauges


def _requests(days: Days) -> float:
    return sum(days.daemon._session.usage.reading().requests.values())


def _now() -> float:
    return asyncio.get_running_loop().time()
