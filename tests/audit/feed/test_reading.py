"""One question to its end, over pages of which nobody knows the order."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.audit.feed.asking import Asking
from exporter.audit.feed.contract import Parcel
from exporter.errors import StorageFailed, TimedOut
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from tests.audit.feed.script import Script, event, newest_first
from tests.audit.feed.stage import Kept

NOW = 1.8e9
MOMENT = Moment(wall=NOW, until=NOW - 10)


def _events(count: int, begin: float = NOW - 1000) -> list[RawEvent]:
    return [event(f"e{n:03}", begin + n) for n in range(count)]


async def _read(script: Script, kept: Kept, **changes: Any) -> Answer:
    question = Question(**({"since": NOW - 2000, "page_size": 10} | changes))
    flatfile = cast("Flatfile", script)
    asking = Asking(flatfile=flatfile, store=kept.store, may_feed=kept.may_feed)
    answer = await asking.ask(question, moment=MOMENT, late_before=None)
    await asking.keep(answer)
    return answer


def _fails_at(page: int, walks: int = 1) -> Callable[[int, int], Any]:
    """That page times out in the last of so many walks."""
    seen = 0

    async def before(index: int, _size: int) -> None:
        nonlocal seen
        await asyncio.sleep(0)
        seen += index == 0
        if index == page and seen >= walks:
            raise TimedOut("no")

    return before


async def test_one_walk_is_enough_where_the_pages_stand_still() -> None:
    for arrange in (newest_first, lambda events: sorted(events, key=lambda one: one.id)):
        script, kept = Script(_events(35), arrange), Kept()
        answer = await _read(script, kept)
        assert answer.whole
        assert len(kept.events) == answer.added == 35
        assert len(script.asked) <= 2  # and the first page once more, where something may go there


async def test_what_is_shown_on_two_pages_is_looked_at_once_more() -> None:
    """Of events of one moment two change places, from one page to the next."""
    events = [event(f"e{n:02}", NOW - 500) for n in range(30)]
    walks = 0

    def arrange(_: list[RawEvent]) -> list[RawEvent]:
        return [*events[:9], events[10], events[9], *events[11:]] if walks else events

    async def before(index: int, _size: int) -> None:
        nonlocal walks
        await asyncio.sleep(0)
        walks = 1 if index >= 1 else 0

    kept = Kept()
    script = Script(events, arrange, before)
    answer = await _read(script, kept)
    assert len(script.asked) >= 2
    assert answer.whole

    swapped = 0

    async def once(index: int, _size: int) -> None:
        nonlocal walks, swapped
        await asyncio.sleep(0)
        swapped += index == 0
        walks = 1 if index >= 1 and swapped == 1 else 0

    kept = Kept()
    answer = await _read(Script(events, arrange, once), kept)
    assert answer.whole
    assert len(kept.events) == 30


async def test_after_a_failure_oldest_first_all_up_to_the_last_page_was_read() -> None:
    script, kept = Script(_events(50), lambda events: newest_first(events)[::-1]), Kept()
    script.before = _fails_at(3)
    answer = await _read(script, kept)
    assert isinstance(answer.error, TimedOut)
    assert answer.upto == NOW - 1000 + 29
    assert len(kept.events) == 30
    assert (answer.reached, answer.newest) == (None, answer.upto)


async def test_what_an_earlier_walk_read_does_not_count_for_the_one_that_failed() -> None:
    """The first walk came to its end but showed one event twice; the second one did not."""
    events = _events(50)
    walks = 0

    def arrange(_: list[RawEvent]) -> list[RawEvent]:
        return [*events, events[0]] if walks == 1 else events

    fails = _fails_at(2, walks=2)

    async def before(index: int, size: int) -> None:
        nonlocal walks
        walks += index == 0
        await fails(index, size)

    answer = await _read(Script(events, arrange, before), Kept())
    assert isinstance(answer.error, TimedOut)
    assert answer.newest == NOW - 1000 + 49
    assert answer.upto == NOW - 1000 + 19


async def test_after_a_failure_newest_first_it_is_told_how_far_down_it_came() -> None:
    script, kept = Script(_events(50)), Kept()
    script.before = _fails_at(3)
    answer = await _read(script, kept)
    assert answer.upto is None
    assert answer.reached == NOW - 1000 + 20
    assert answer.stuck_at(0.0)


async def test_events_before_the_question_and_those_that_have_not_settled_are_left_out() -> None:
    ages = {"old": 2000.5, "due": 10, "fresh": 9, "ahead": -200, "far": -400}
    events = [event(id_, NOW - age) for id_, age in ages.items()]

    async def shown(*_: Any, **__: Any) -> Any:
        yield tuple(newest_first(events))

    script, kept = Script(), Kept()
    script.raw_events = shown  # type: ignore[method-assign] # a server that ignores `since`
    answer = await _read(script, kept)
    assert kept.events.keys() == {"due", "far"}
    assert answer.newest == NOW - 10
    assert answer.oldest == NOW - 10


async def test_a_store_that_fails_is_no_failure_of_the_source() -> None:
    kept = Kept()

    async def broken(_: Parcel) -> int:
        raise StorageFailed("the disk is full")

    kept.store = broken  # type: ignore[assignment,method-assign] # the caller's side
    with pytest.raises(StorageFailed):
        await _read(Script(_events(5)), kept)


async def test_the_newest_events_of_each_environment_become_anchors() -> None:
    others = [event("other", NOW - 1500, "us_env_2"), event("bare", NOW - 1200, "")]
    events = _events(20) + others
    for arrange in (newest_first, lambda found: newest_first(found)[::-1]):
        answer = await _read(Script(events, arrange), Kept())
        assert {key for _, key in answer.anchors["us_env_1"]} == {f"e{n:03}" for n in range(15, 20)}
        assert answer.anchors["us_env_2"] == [(NOW - 1500, "other")]
        assert answer.anchors[""] == [(NOW - 1200, "bare")]
