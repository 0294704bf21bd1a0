"""Lives of a feed in which everything that can go wrong does, in any order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

import pytest

from exporter.audit.feed.contract import Keep, Parcel
from exporter.emulator import Fault, Scale
from exporter.errors import StorageFailed
from tests.audit.feed.stage import OPTIONS, Stage, stage
from tests.support.account import wall

SMALL = Scale(
    environments=3, spaces=10, users=3, guests=2, events_per_minute=10, rare=0,
    history_seconds=1200,
)  # fmt: skip
STEPS = 40


class Killed(Exception):
    """The process was killed; no error of ours."""


@dataclass(slots=True)
class _Store:
    """Fails and kills before and after it has kept something, as often as it is told."""

    dice: Random
    keep: Keep
    fails: float = 0.0
    kills: float = 0.0

    async def __call__(self, parcel: Parcel) -> int:
        self._perhaps()
        added = await self.keep(parcel)
        self._perhaps()
        return added

    def _perhaps(self) -> None:
        if self.dice.random() < self.fails:
            raise StorageFailed("the disk is full")
        if self.dice.random() < self.kills:
            raise Killed


@dataclass(slots=True)
class _Life:
    it: Stage
    dice: Random
    store: _Store
    made: list[str] = field(default_factory=list)

    def refused(self) -> None:
        self.it.emulator.quirks.events_account_wide = self.dice.choice(["allowed", "allowed", 403])

    def full_disk(self) -> None:
        self.store.fails = self.dice.choice([0.0, 0.0, 0.0, 0.3])

    def kills(self) -> None:
        self.store.kills = self.dice.choice([0.0, 0.0, 0.2])

    def failing_pages(self) -> None:
        deep, often = self.dice.choice([0, 2, 4]), self.dice.choice([1, 5, 20])
        self._add(Fault("status", route="/events", min_page=deep, count=often))

    def hanging_pages(self) -> None:
        self._add(Fault("hang", route="/events", min_page=self.dice.choice([3, 6])))

    def failing_environment(self) -> None:
        one = self.it.home(self.dice.choice(["production", "staging"]))
        self._add(Fault("status", route="/events", environment_id=one))

    def all_well(self) -> None:
        self.it.emulator.faults.clear()

    def burst(self) -> None:
        count, spread = self.dice.choice([30, 300]), self.dice.choice([5, 100])
        self.it.emulator.world.add_events(count, at=wall() - 12, spread=spread)

    def new_environment(self) -> None:
        self.made.append(self.it.emulator.world.create_environment().id)
        self.it.emulator.world.add_events(3, environment_id=self.made[-1])

    def deleted_environment(self) -> None:
        if self.made:
            self.it.emulator.world.delete_environment(self.made.pop(0))

    def restart(self) -> None:
        self.it.restart()

    async def forgotten(self) -> None:
        await asyncio.sleep(self.dice.choice([2000, 4000]))
        self.it.emulator.world.forget_events(wall() - self.dice.choice([700, 900]))

    def no_room(self) -> None:
        self.it.kept.room = not self.it.kept.room

    def _add(self, fault: Fault) -> None:
        self.it.emulator.faults.add(fault)

    async def happens(self) -> None:
        """One of them, or nothing."""
        (chosen,) = self.dice.choices([*WEIGHTS], [*WEIGHTS.values()])
        done = chosen(self) if chosen else None
        if done is not None:
            await done


WEIGHTS: Mapping[Callable[[_Life], Awaitable[None] | None] | None, int] = {
    None: 32,
    _Life.refused: 8,
    _Life.full_disk: 6,
    _Life.kills: 6,
    _Life.failing_pages: 7,
    _Life.hanging_pages: 4,
    _Life.failing_environment: 3,
    _Life.all_well: 5,
    _Life.burst: 8,
    _Life.new_environment: 6,
    _Life.deleted_environment: 5,
    _Life.restart: 3,
    _Life.forgotten: 4,
    _Life.no_room: 3,
}


async def _round(it: Stage) -> bool:
    """Whether it was whole."""
    try:
        return (await it.read()).whole
    except StorageFailed:
        return False
    except (Killed, ExceptionGroup):
        it.restart()
        return False


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_happens_each_event_is_kept_or_said_to_be_missing(seed: int) -> None:
    """Of environments that last: of one that came and went nobody may ever hear."""
    dice = Random(seed)
    quirks = {
        "event_order": dice.choice(["newest", "oldest", "id"]),
        "page_size_max": dice.choice([None, 20]),
        "page_zero_based": dice.random() < 0.3,
    }
    async with stage(SMALL, quirks=quirks, seed=seed) as it:
        lasting = set(await it.environments())
        store = _Store(dice, it.kept.store)
        it.kept.store = store  # type: ignore[method-assign] # the caller's side
        it.restart()
        life = _Life(it, dice, store)
        begun = float("inf")  # what was forgotten before anything could be read is nobody's gap
        for _ in range(STEPS):
            await life.happens()
            if await _round(it):
                begun = min(begun, wall())
            await asyncio.sleep(dice.choice([1, 30, 30, 60]))
        store.fails = store.kills = 0.0
        it.kept.room = True
        it.emulator.faults.clear()
        it.emulator.quirks.events_account_wide = "allowed"
        healthy = wall() + 60
        for _ in range(45):
            await _round(it)
            await asyncio.sleep(30)
        assert (await it.read()).whole
        settled = it.truth(min(begun, healthy), wall() - OPTIONS.settle - 50)
        assert len(settled) > 100
        lost = [event for event in settled if not it.kept.accounts_for(event)]
        assert not [event for event in lost if event.environment_id in lasting]
