"""What happens to the account, the API and the agents while the daemon is watched."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from exporter.emulator import Fault
from tests.grafana.recording import Stage
from tests.support.account import wall

SCRAPE = 30
"""Seconds between two scrapes."""

Deed = Callable[[Stage], object]


def _fault(kind: str, name: str, **more: object) -> Deed:
    fault = Fault(kind, name=name, **more)  # type: ignore[arg-type] # checked by the emulator
    return lambda stage: stage.emulator.faults.add(fault)


def _well(name: str) -> Deed:
    return lambda stage: stage.emulator.faults.remove(name)


def _agents(name: str, *, there: bool) -> Deed:
    def deed(stage: Stage) -> object:
        world, of = stage.emulator.world, stage.environment(name)
        return world.restore_agents(of) if there else world.delete_agents(of)

    return deed


def _redeployed(name: str) -> Deed:
    def deed(stage: Stage) -> object:
        world = stage.emulator.world
        own = [a for a in world.account.agents.of(stage.environment(name)) if not a.is_system]
        return world.redeploy_agent(own[0].id)

    return deed


def _failing(name: str, count: int, seconds: float) -> Deed:
    return lambda stage: stage.emulator.world.add_events(
        count, environment_id=stage.environment(name), topic="job:failed", spread=seconds
    )


def _refused(*, yes: bool) -> Deed:
    def deed(stage: Stage) -> object:
        credentials = stage.emulator.credentials
        credentials.refused = yes
        return credentials.revoke() if yes else None

    return deed


def _maintained(name: str, seconds: float) -> Deed:
    def deed(stage: Stage) -> object:
        end = datetime.fromtimestamp(wall() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return stage.maintenance.write_text(f"{name} {end}\n", encoding="utf-8")

    return deed


def _deeds(minutes: float) -> Iterator[tuple[float, Deed]]:
    """When, as a share of the whole, and what. Long enough at each that a round meets it."""
    yield 0.10, _agents("development", there=False)
    yield 0.20, _agents("development", there=True)
    yield 0.24, _fault("latency", "slow", delay=3.0)
    yield 0.28, _well("slow")
    yield 0.31, _fault("status", "down")
    yield 0.36, _well("down")
    yield 0.42, _fault("status", "limited", status=429, retry_after=("20",), probability=0.5)
    yield 0.46, _well("limited")
    yield 0.50, _redeployed("production")
    yield 0.58, _failing("eu-production", 30, 0.05 * minutes * 60)
    yield 0.64, _refused(yes=True)
    yield 0.67, _refused(yes=False)
    yield 0.72, _maintained("development", 0.1 * minutes * 60)
    yield 0.74, _agents("development", there=False)
    yield 0.79, _agents("development", there=True)
    yield 0.82, _agents("staging", there=False)


async def told(stage: Stage, minutes: float, keep: Callable[[float, str], None]) -> None:
    """Play it, and hand each page with its time (Unix seconds) to ``keep``."""
    waiting = list(_deeds(minutes))
    for number in range(int(minutes * 60) // SCRAPE):
        await asyncio.sleep(SCRAPE)
        while waiting and waiting[0][0] * minutes * 60 <= number * SCRAPE:
            waiting.pop(0)[1](stage)
        keep(wall(), await stage.page())
