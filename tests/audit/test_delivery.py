"""One worker for each sink: order, failures, waits, dead letters, and a cap on what waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.audit.backlog import Cap, Policy
from exporter.audit.delivery import Delivery, Pace
from exporter.audit.record import Entry
from exporter.audit.sinks.contract import NONE, Rejected, Sink
from exporter.audit.store import chain, delivery
from exporter.audit.store.database import Database
from exporter.audit.store.delivery import Backlog
from exporter.errors import DeliveryFailed, SinkRefused, SinkUnavailable
from tests.audit.store.stage import drafts
from tests.support.loop import VirtualLoop

LARGE = Cap(limit=1 << 30)


def wall() -> float:
    return VirtualLoop.EPOCH + asyncio.get_running_loop().time()


@dataclass
class Shelf:
    """A sink that keeps what it takes; ``before`` may raise, wait, or refuse some."""

    name: str = "shelf"
    before: Callable[[Sequence[Entry]], Rejected] = lambda _: NONE
    hangs: bool = False
    batches: list[list[int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each attempt was made, in loop time."""

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        self.times.append(asyncio.get_running_loop().time())
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(0.001)
        rejected = self.before(entries)
        self.batches.append([e.sequence for e in entries if e.sequence not in rejected])
        return rejected

    async def aclose(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()

    @property
    def kept(self) -> list[int]:
        return [sequence for batch in self.batches for sequence in batch]


def failing(*errors: DeliveryFailed) -> Callable[[Sequence[Entry]], Rejected]:
    """Raise each of them once, then take everything."""
    left = list(errors)

    def before(_: Sequence[Entry]) -> Rejected:
        if left:
            raise left.pop(0)
        return NONE

    return before


def always(error: DeliveryFailed) -> Callable[[Sequence[Entry]], Rejected]:
    def before(_: Sequence[Entry]) -> Rejected:
        raise error

    return before


@dataclass
class Log:
    """A store with records in it, and what is delivered from it."""

    database: Database
    work: Delivery
    sinks: int

    async def append(self, numbers: Iterable[int]) -> None:
        """Events with these numbers, in one transaction."""
        await self.database.run(partial(chain.append, drafts=drafts(*numbers), now=wall()))
        self.work.appended()

    async def backlog(self) -> dict[str, Backlog]:
        return await self.database.run(delivery.backlog)

    async def dead(self) -> dict[int, str]:
        found = await self.database.run(delivery.dead_letters)
        return {letter.sequence: letter.reason for letter in found}

    async def delivered(self, within: float = 10_000.0) -> None:
        """Wait until every sink is known and nothing waits for any."""
        pause = 0.01
        async with asyncio.timeout(within):
            while True:
                waiting = await self.backlog()
                if len(waiting) == self.sinks and not any(w.records for w in waiting.values()):
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, 10.0)


@asynccontextmanager
async def delivering(
    *sinks: Sink,
    folder: Path | None = None,
    cap: Cap = LARGE,
    pace: Pace | None = None,
    records: int = 0,
) -> AsyncIterator[Log]:
    database = Database(folder, wall)
    work = Delivery(database, sinks, cap=cap, wall=wall, rng=Random(1), pace=pace or Pace())
    log = Log(database, work, len(sinks))
    if records:
        await log.append(range(1, records + 1))
    running = asyncio.create_task(work.run())
    try:
        yield log
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await work.aclose()
        await database.aclose()


async def test_everything_arrives_in_order_and_nothing_waits_then() -> None:
    shelf = Shelf()
    async with delivering(shelf, records=2_500) as log:
        await log.delivered()
        assert shelf.kept == list(range(1, 2_501))
        assert (await log.backlog())["shelf"] == Backlog(records=0, bytes=0, oldest=None)


async def test_what_is_appended_later_is_sent_at_once() -> None:
    shelf = Shelf()
    async with delivering(shelf) as log:
        await asyncio.sleep(3.0)
        for number in range(1, 6):
            await log.append([number])
            await asyncio.sleep(0.1)
            assert shelf.kept[-1] == number


async def test_what_another_process_appends_is_found_before_long(tmp_path: Path) -> None:
    shelf = Shelf()
    async with delivering(shelf, folder=tmp_path) as log:
        await asyncio.sleep(100.0)
        other = Database(tmp_path, wall)
        await other.run(partial(chain.append, drafts=drafts(1, 2), now=wall()))
        await other.aclose()
        await log.delivered(within=31.0)
    assert shelf.kept == [1, 2]


async def test_a_sink_that_fails_holds_up_no_other_and_gets_everything_once_it_works() -> None:
    broken = Shelf("broken", failing(*(SinkUnavailable("down") for _ in range(12))))
    works = Shelf("works")
    async with delivering(broken, works, records=50) as log:
        await asyncio.sleep(1.0)
        assert works.kept == list(range(1, 51))
        assert broken.kept == []
        await log.delivered()
    assert broken.kept == list(range(1, 51))


async def test_a_sink_that_hangs_is_cut_off_and_holds_up_no_other() -> None:
    stuck, works = Shelf("stuck", hangs=True), Shelf("works")
    with capture_logs() as lines:
        async with delivering(stuck, works, records=50) as log:
            await asyncio.sleep(200.0)
            assert works.kept == list(range(1, 51))
            assert len(stuck.times) >= 3
            stuck.hangs = False
            await log.delivered()
    assert stuck.kept == list(range(1, 51))
    assert "within 1m" in lines[0]["problem"]


async def test_each_sink_has_a_place_of_its_own_also_after_a_restart(tmp_path: Path) -> None:
    first, second = Shelf("first"), Shelf("second", always(SinkUnavailable("down")))
    async with delivering(first, second, folder=tmp_path, records=30):
        await asyncio.sleep(1.0)
    first, second = Shelf("first"), Shelf("second")
    async with delivering(first, second, folder=tmp_path) as log:
        await log.append([31])
        await log.delivered()
    assert (first.kept, second.kept) == ([31], list(range(1, 32)))


async def test_an_end_between_sending_and_acknowledging_costs_a_repetition_and_no_record(
    tmp_path: Path,
) -> None:
    shelf, ended = Shelf(), asyncio.Event()

    async def end(entries: Sequence[Entry]) -> Rejected:
        await Shelf.send(shelf, entries)
        ended.set()
        await asyncio.Event().wait()
        return NONE

    shelf.send = end  # type: ignore[method-assign] # this one sink behaves so
    async with delivering(shelf, folder=tmp_path, records=20):
        await ended.wait()
    again = Shelf()
    async with delivering(again, folder=tmp_path) as log:
        await log.delivered()
    assert shelf.kept == again.kept == list(range(1, 21))


async def test_failures_are_said_once_and_so_is_their_end() -> None:
    shelf = Shelf(before=failing(*(SinkUnavailable("down") for _ in range(6))))
    with capture_logs() as lines:
        async with delivering(shelf, records=5) as log:
            await log.delivered()
    assert [line["event"] for line in lines] == ["sink_failing", "sink_recovered"]
    assert (lines[0]["sink"], lines[0]["problem"]) == ("shelf", "down")
    assert lines[1]["failing_for"].endswith("s")


def waits(times: Sequence[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


async def test_waits_grow_to_five_minutes_and_are_never_twice_the_same() -> None:
    shelf = Shelf(before=always(SinkUnavailable("down")))
    async with delivering(shelf, records=1):
        await asyncio.sleep(20_000.0)
    found = waits(shelf.times)
    for attempt, wait in enumerate(found):
        assert wait <= min(300.0, 2.0**attempt) + 0.1
    assert max(found) > 200.0
    assert len({round(wait, 3) for wait in found}) == len(found)


async def test_where_an_operator_has_to_act_it_is_tried_more_slowly() -> None:
    shelf = Shelf(before=always(SinkRefused("no")))
    async with delivering(shelf, records=1):
        await asyncio.sleep(60.0)
    assert len(shelf.times) <= 6
    hasty = Shelf(before=always(SinkUnavailable("no")))
    async with delivering(hasty, records=1):
        await asyncio.sleep(60.0)
    assert len(hasty.times) > len(shelf.times)


async def test_a_pause_that_a_sink_asks_for_is_kept() -> None:
    shelf = Shelf(before=failing(SinkUnavailable("busy", 40.0), SinkUnavailable("busy", 900.0)))
    async with delivering(shelf, records=1) as log:
        await log.delivered()
    first, second = waits(shelf.times)
    assert 40.0 <= first <= 41.0
    assert 900.0 <= second <= 902.0


async def test_a_sink_that_works_again_is_not_treated_as_one_that_fails() -> None:
    shelf = Shelf(before=failing(*(SinkUnavailable("down") for _ in range(20))))
    async with delivering(shelf, records=1) as log:
        await log.delivered()
        shelf.before = failing(SinkUnavailable("down"))
        await log.append([2])
        await log.delivered(within=2.0)


async def test_batches_shrink_while_they_fail_and_grow_again() -> None:
    sizes: list[int] = []

    def small(entries: Sequence[Entry]) -> Rejected:
        sizes.append(len(entries))
        if len(entries) > 20 and len(sizes) < 8:
            raise SinkUnavailable("too much at once")
        return NONE

    shelf = Shelf(before=small)
    async with delivering(shelf, records=3_000) as log:
        await log.delivered()
    assert shelf.kept == list(range(1, 3_001))
    assert sizes[:4] == [1_000, 250, 62, 15]
    assert max(sizes[8:]) == 1_000


async def test_what_is_refused_for_good_is_a_dead_letter_and_the_rest_goes_on() -> None:
    def picky(entries: Sequence[Entry]) -> Rejected:
        return {e.sequence: "odd" for e in entries if e.sequence % 2}

    shelf = Shelf(before=picky)
    with capture_logs() as lines:
        async with delivering(shelf, records=4) as log:
            await log.delivered()
            await log.append([5, 6])
            await log.delivered()
            assert await log.dead() == {1: "odd", 3: "odd", 5: "odd"}
    assert shelf.kept == [2, 4, 6]
    assert [line["event"] for line in lines] == ["sink_refused_records"]


async def test_dead_letters_that_are_to_be_sent_again_come_before_anything_new() -> None:
    shelf = Shelf(before=lambda entries: {e.sequence: "no" for e in entries if e.sequence < 4})
    async with delivering(shelf, records=5) as log:
        await log.delivered()
        shelf.before = lambda entries: {e.sequence: "still" for e in entries if e.sequence == 2}
        await log.database.run(delivery.resend)
        await log.append([6])
        await log.delivered()
        assert await log.dead() == {2: "still"}
    assert shelf.kept == [4, 5, 1, 3, 6]


async def test_the_feed_waits_while_too_much_waits_and_goes_on_by_itself() -> None:
    shelf, other = Shelf(before=always(SinkUnavailable("down"))), Shelf("other")
    with capture_logs() as lines:
        async with delivering(shelf, other, cap=Cap(limit=20_000)) as log:
            await log.append(range(1, 11))
            await asyncio.sleep(1.0)
            assert not log.work.blocked
            await log.append(range(11, 101))
            await asyncio.sleep(1.0)
            assert log.work.blocked
            shelf.before = lambda _: NONE
            await log.delivered()
            await asyncio.sleep(1.0)
            assert not log.work.blocked
    said = [(line["log_level"], line["event"]) for line in lines if "feed" in line["event"]]
    assert said == [("error", "audit_feed_blocked"), ("info", "audit_feed_goes_on")]


async def test_a_little_room_is_not_enough_for_the_feed_to_go_on() -> None:
    left = 0

    def some(_: Sequence[Entry]) -> Rejected:
        nonlocal left
        if not left:
            raise SinkUnavailable("down")
        left -= 1
        return NONE

    cap, shelf = Cap(limit=20_000), Shelf(before=some)
    async with delivering(shelf, cap=cap, pace=Pace(batch=1, least=1)) as log:
        number = 0
        while number < 20 or not log.work.blocked:
            number += 1
            await log.append([number])
            await asyncio.sleep(1.0)
        left = 1
        await asyncio.sleep(600.0)
        assert cap.low < (await log.backlog())["shelf"].bytes < cap.limit
        assert log.work.blocked
        left = number
        await asyncio.sleep(600.0)
        assert not log.work.blocked


async def test_nothing_is_fed_before_it_is_known_what_waits() -> None:
    database = Database(None, wall)
    work = Delivery(database, [], cap=LARGE, wall=wall, rng=Random(1))
    assert work.blocked
    running = asyncio.create_task(work.run())
    await asyncio.sleep(1.0)
    assert not work.blocked
    running.cancel()
    await database.aclose()


async def test_where_the_oldest_is_given_up_the_feed_goes_on_and_it_can_be_sent_later() -> None:
    shelf = Shelf(before=always(SinkUnavailable("down")))
    cap = Cap(limit=20_000, policy=Policy.SKIP)
    async with delivering(shelf, cap=cap) as log:
        for first in range(1, 2_001, 100):
            await log.append(range(first, first + 100))
            await asyncio.sleep(1.0)
            assert not log.work.blocked
            assert (await log.backlog())["shelf"].bytes <= cap.limit
        dead = await log.dead()
        assert set(dead.values()) == {"backlog_full"}
        assert list(dead) == list(range(1, len(dead) + 1)), "not the oldest were given up"
        shelf.before = lambda _: NONE
        await log.delivered()
        await log.database.run(delivery.resend)
        await log.delivered()
    assert sorted(shelf.kept) == list(range(1, 2_001))


async def test_a_sink_that_is_not_configured_any_more_holds_up_nothing(tmp_path: Path) -> None:
    gone, stays = Shelf("gone", always(SinkUnavailable("down"))), Shelf("stays")
    async with delivering(gone, stays, folder=tmp_path, records=100):
        await asyncio.sleep(1.0)
    async with delivering(stays, folder=tmp_path, cap=Cap(limit=1_000)) as log:
        await log.append([101])
        await log.delivered()
        await asyncio.sleep(1.0)
        assert not log.work.blocked
        assert set(await log.backlog()) == {"stays"}


async def test_a_store_that_cannot_be_used_is_waited_for(tmp_path: Path) -> None:
    obstacle = tmp_path / "audit"
    obstacle.touch()
    shelf = Shelf()
    async with delivering(shelf, folder=obstacle) as log:
        await asyncio.sleep(60.0)
        assert log.work.blocked
        obstacle.unlink()
        await asyncio.sleep(60.0)
        await log.append([1, 2])
        await log.delivered()
    assert shelf.kept == [1, 2]


async def test_what_is_not_expected_ends_the_delivery() -> None:
    def bug(_: Sequence[Entry]) -> Rejected:
        raise LookupError("a bug")

    database = Database(None, wall)
    await database.run(partial(chain.append, drafts=drafts(1), now=wall()))
    sinks: list[Any] = [Shelf(before=bug), Shelf("other")]
    work = Delivery(database, sinks, cap=LARGE, wall=wall, rng=Random(1))
    with pytest.raises(ExceptionGroup) as caught:
        await work.run()
    assert caught.group_contains(LookupError)
    await database.aclose()


async def test_a_sink_that_cannot_let_go_does_not_keep_the_process() -> None:
    begun = asyncio.get_running_loop().time()
    with capture_logs() as lines:
        async with delivering(Shelf(hangs=True), Shelf("other")):
            pass
    assert asyncio.get_running_loop().time() - begun < 10.0
    assert [line["event"] for line in lines] == ["sink_left_open"]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_sink_does_each_record_arrives_or_is_a_dead_letter(
    seed: int, tmp_path: Path
) -> None:
    dice = Random(seed)

    def moody(entries: Sequence[Entry]) -> Rejected:
        match dice.choice(["take", "take", "refuse", "down", "no"]):
            case "refuse":
                return {e.sequence: "bad" for e in entries if dice.random() < 0.1}
            case "down":
                raise SinkUnavailable("down", dice.choice([None, 5.0]))
            case "no":
                raise SinkRefused("no")
        return NONE

    shelf = Shelf(before=moody)
    last = 0
    for _ in range(4):  # lives
        async with delivering(shelf, folder=tmp_path, pace=Pace(batch=40)) as log:
            for _ in range(3):
                await log.append(range(last + 1, last + 101))
                last += 100
                await asyncio.sleep(dice.uniform(0.0, 30.0))
            if dice.random() < 0.5:
                await log.database.run(delivery.resend)
    shelf.before = lambda _: NONE
    async with delivering(shelf, folder=tmp_path) as log:
        await log.delivered()
        dead = await log.dead()
    assert set(shelf.kept) | set(dead) == set(range(1, last + 1))
    assert not set(shelf.kept) & set(dead)
