"""One sink: order, failures, waits, dead letters."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from exporter.audit.record import Entry
from exporter.audit.sinks.contract import NONE, Rejected
from exporter.audit.store import chain, delivery
from exporter.audit.store.database import Database
from exporter.audit.store.delivery import Backlog
from exporter.audit.worker import Pace
from exporter.errors import SinkRefused, SinkUnavailable
from tests.audit.shelf import Shelf, always, delivering, failing, wall
from tests.audit.store.stage import drafts


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


async def test_dead_letters_that_are_refused_again_hold_up_nothing_new() -> None:
    def like_loki(entries: Sequence[Entry]) -> Rejected:
        bad = {e.sequence: "refused" for e in entries if e.sequence <= 3}
        if len(bad) == len(entries):  # then it may be no record that is wrong, but the address
            raise SinkRefused("everything was refused")
        return bad

    shelf = Shelf(before=like_loki)
    async with delivering(shelf, records=5) as log:
        await log.delivered()
        await log.database.run(delivery.resend)
        await asyncio.sleep(1_000.0)
        await log.append([6])
        await log.delivered(within=301.0)
        assert await log.dead() == {1: "refused", 2: "refused", 3: "refused"}
    assert shelf.kept == [4, 5, 6]


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
