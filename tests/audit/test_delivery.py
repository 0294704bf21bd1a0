"""Several sinks at once: none waits for another, and a cap on what waits."""

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.audit import log as shown
from exporter.audit import people
from exporter.audit.backlog import Cap, Policy
from exporter.audit.delivery import Delivery
from exporter.audit.record import Entry
from exporter.audit.redact import redact
from exporter.audit.sinks.contract import NONE, Rejected
from exporter.audit.store import chain, delivery
from exporter.audit.store.database import Database
from exporter.audit.worker import Pace
from exporter.errors import SinkUnavailable
from tests.audit.shelf import LARGE, Shelf, always, delivering, failing, wall
from tests.audit.store.stage import draft, drafts


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


async def test_what_is_sent_again_makes_nothing_new_be_given_up() -> None:
    shelf = Shelf(before=always(SinkUnavailable("down")))
    cap = Cap(limit=20_000, policy=Policy.SKIP)
    async with delivering(shelf, cap=cap) as log:
        for first in range(1, 501, 100):
            await log.append(range(first, first + 100))
            await asyncio.sleep(1.0)
        given_up = await log.database.run(delivery.resend)
        await log.append([501, 502])
        await asyncio.sleep(1.0)
        assert (await log.backlog())["shelf"].bytes > cap.limit
        shelf.before = lambda _: NONE
        await log.delivered()
        assert given_up > 400
        assert await log.dead() == {}
    assert sorted(shelf.kept) == list(range(1, 503))


async def test_what_a_sink_has_not_refused_is_counted_as_none_from_the_start() -> None:
    odd = Shelf("odd", lambda entries: {e.sequence: "bad" for e in entries}, reasons=["bad", "old"])
    async with delivering(odd, Shelf("fine"), records=2) as log:
        await log.delivered()
        sinks = (await log.database.run(shown.read)).sinks
    assert sinks["odd"].dead_letters == {"backlog_full": 0, "bad": 2, "old": 0}
    assert sinks["fine"].dead_letters == {"backlog_full": 0}


async def test_an_erasure_reaches_a_sink_also_where_the_oldest_is_given_up() -> None:
    shelf = Shelf(before=always(SinkUnavailable("down")))
    person, now = "us_usr_1", wall()

    def erase(connection: sqlite3.Connection) -> int | None:
        people.commitment(connection, person, "Ada", keep_plain=True)
        return redact(connection, person, now).sequence

    async with delivering(shelf, cap=Cap(limit=20_000, policy=Policy.SKIP)) as log:
        erasure = await log.database.run(erase)
        await log.append(range(1, 501))
        await asyncio.sleep(1.0)
        dead = await log.dead()
        assert erasure == 1
        assert 2 in dead, "nothing was given up"
        shelf.before = lambda _: NONE
        await log.delivered()
    assert erasure in shelf.kept
    assert erasure not in dead


async def test_a_sink_that_lags_is_not_told_the_name_of_somebody_who_was_erased_meanwhile() -> None:
    told: dict[int, list[str]] = {}
    person, now = "us_usr_1", wall()

    def note(entries: Sequence[Entry]) -> Rejected:
        told.update({e.sequence: [*e.people.values()] for e in entries})
        return NONE

    def deed(connection: sqlite3.Connection) -> None:
        name = people.commitment(connection, person, "Ada", keep_plain=True)
        actor = {"id": person, "kind": "user", "name": name, "email": None, "label": None}
        number = chain.head(connection).sequence + 1
        chain.append(connection, [draft(number, actor=actor)], now=now)

    shelf = Shelf(before=note)
    async with delivering(shelf) as log:
        await log.database.run(deed)
        await log.delivered()
        shelf.before = always(SinkUnavailable("down"))
        await log.database.run(deed)
        await asyncio.sleep(60.0)
        await log.database.run(lambda connection: redact(connection, person, now))
        shelf.before = note
        await log.delivered()
    assert told == {1: ["Ada"], 2: [], 3: []}


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
