"""Feeds that no emulator shows: any order, any delay, any repetition, any size."""

import asyncio
import gc
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.audit.feed.contract import Options, Parcel
from exporter.audit.feed.rounds import Feed
from exporter.errors import ListChanged, Malformed, ServerFailed, TimedOut, TooLarge
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from tests.audit.feed.script import Arrange, Script, event, newest_first
from tests.audit.feed.stage import Kept, feed
from tests.support.account import wall
from tests.support.loop import VirtualLoop

NOW = VirtualLoop.EPOCH
OPTIONS = Options(overlap=100.0, settle=10.0, start=600.0, page_size=7)


@asynccontextmanager
async def _reading(
    script: Script,
    kept: Kept,
    options: Options = OPTIONS,
    environments: Sequence[str] = ("us_env_1",),
) -> AsyncGenerator[Feed, None]:
    async def listed() -> Sequence[str]:
        return environments

    try:
        yield feed(cast("Flatfile", script), kept.database, kept, listed, options)
    finally:
        await kept.database.aclose()


@st.composite
def _histories(draw: st.DrawFn) -> list[tuple[float, float]]:
    """When each event happened and how long after that it can be seen, in seconds."""
    moments = st.integers(-500, 290).map(float)
    delays = st.sampled_from([0.0, 0.0, 0.0, 5.0, 30.0, 60.0])
    return draw(st.lists(st.tuples(moments, delays), max_size=25))


ORDERS: dict[str, Any] = {
    "newest": lambda _: newest_first,
    "oldest": lambda _: lambda events: newest_first(events)[::-1],
    "id": lambda _: lambda events: sorted(events, key=lambda one: one.id),
    "shuffled": lambda dice: lambda events: dice.sample(events, len(events)),
    "repeated": lambda _: lambda events: newest_first([*events, *events[::3]]),
    "restless": lambda dice: (
        lambda events: newest_first([*events, *dice.sample(events, len(events) // 3)])
    ),
}
RESTLESS = {"shuffled", "restless"}
"""Orders that change with each page: something may be missed, and then it is met again later."""


@settings(max_examples=60, deadline=None)
@given(_histories(), st.sampled_from(sorted(ORDERS)), st.integers(0, 2**32), st.data())
def test_each_event_is_handed_on_whatever_the_order_delay_and_repetition(
    history: list[tuple[float, float]], order: str, seed: int, data: st.DataObject
) -> None:
    dice = Random(seed)
    arrange: Arrange = ORDERS[order](dice)
    failing = data.draw(st.sets(st.integers(0, 11), max_size=4), "rounds that fail")

    async def play() -> None:
        kept, script = Kept(), Script()

        def visible(events: list[RawEvent]) -> list[RawEvent]:
            return arrange([e for e in events if seen[e.id] <= wall()])

        script.arrange = visible
        script.events = [event(f"e{n:03}", NOW + at) for n, (at, _) in enumerate(history)]
        seen = {f"e{n:03}": NOW + at + delay for n, (at, delay) in enumerate(history)}
        async with _reading(script, kept) as it:
            for number in range(14):
                script.before = _fails_after(dice.randrange(4)) if number in failing else _fine
                report = await it.read()
                if order not in RESTLESS:
                    assert report.whole or number in failing
                assert kept.late <= kept.events.keys()
                await asyncio.sleep(30)
            script.before = _fine
            for _ in range(4):
                await it.read()
            assert kept.events.keys() == {e.id for e in script.events}
            assert not kept.gaps
        delayed = {e.id for e in script.events if seen[e.id] > e.created_at}
        if not failing and order not in RESTLESS:
            assert kept.late <= delayed

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(play())


async def _fine(_index: int, _size: int) -> None:
    await asyncio.sleep(0)


def _fails_after(pages: int) -> Any:
    async def before(index: int, _size: int) -> None:
        await asyncio.sleep(0)
        if index >= pages:
            raise ServerFailed("GET /events answered 503")

    return before


class _Tracked(dict[str, Any]):
    """A payload that counts how many of its kind are alive."""

    alive = peak = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        _Tracked.alive += 1
        _Tracked.peak = max(_Tracked.peak, _Tracked.alive)

    def __del__(self) -> None:
        _Tracked.alive -= 1


class Burst:
    """Events of five environments and ten topics, newest first, made page by page."""

    environments = tuple(f"us_env_{n}" for n in range(5))
    topics = tuple(
        f"{kind}:{verb}"
        for kind in ("job", "sheet", "file", "space", "agent")
        for verb in ("created", "updated")
    )
    deepest = 60
    """Pages that a question can have; what lies deeper times out."""

    def __init__(self, count: int) -> None:
        dice = Random(7)
        self.count = count
        self.by: dict[tuple[str | None, str | None], list[tuple[float, int]]] = defaultdict(list)
        self.home: list[tuple[str, str]] = []
        for number in range(count):
            home, topic = dice.choice(self.environments), dice.choice(self.topics)
            self.home.append((home, topic))
            at = NOW - 20 - number * 0.03
            for key in ((None, None), (home, None), (home, topic)):
                self.by[key].append((at, number))

    def _page(self, chosen: Sequence[tuple[float, int]]) -> Iterator[RawEvent]:
        for at, number in chosen:
            home, topic = self.home[number]
            raw = _Tracked({"context": {"environmentId": home}})
            yield RawEvent(id=f"e{number}", topic=topic, created_at=at, raw=raw)

    async def raw_events(
        self,
        since: float,
        *,
        environment_id: str | None = None,
        topic: str | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[tuple[RawEvent, ...], None]:
        size = page_size or 10
        line = self.by.get((environment_id, topic), [])
        for index in range(self.deepest):
            await asyncio.sleep(0.05)
            part = [one for one in line[index * size : (index + 1) * size] if one[0] >= since]
            if not part:
                return
            yield tuple(self._page(part))
        await asyncio.sleep(120)
        raise TimedOut("GET /events: no whole answer in time")


class Ids(Kept):
    """Keeps ids only, so that nothing but the feed holds events."""

    async def store(self, parcel: Parcel) -> int:
        fresh = {one.id for one in parcel.events} - self.late
        self.late |= fresh
        if rest := replace(parcel, events=()):
            await super().store(rest)
        return len(fresh)


async def test_a_burst_of_200_000_events_gets_through_although_deep_pages_never_come() -> None:
    burst, kept = Burst(200_000), Ids()
    options = Options(overlap=120.0, settle=10.0, start=7200.0)
    gc.collect()
    _Tracked.alive = _Tracked.peak = 0
    async with _reading(cast("Script", burst), kept, options, burst.environments) as it:
        before = 0
        for _ in range(14):
            report = await it.read()
            assert len(kept.late) >= before  # what was read is kept, whatever failed
            before = len(kept.late)
            await asyncio.sleep(30)
            if report.whole:
                break
        assert report.whole
        assert len(kept.late) == burst.count
        assert {gap.kind for gap in kept.gaps.values()} == {"topics"}
        for _ in range(6):
            await asyncio.sleep(30)
            report = await it.read()
        assert len(kept.gaps) == 5
    assert _Tracked.peak <= 5_000
    assert _Tracked.alive <= 100


@pytest.mark.parametrize("error", [TooLarge, Malformed, ServerFailed, ListChanged])
async def test_a_page_that_never_comes_hides_no_more_than_itself(error: Any) -> None:
    """One event poisons each page that it is on; it stands between others of its topic."""
    kept = Kept()
    script = Script([event(f"e{n:02}", NOW - 500 + n, topic="job:ready") for n in range(60)])

    async def before(index: int, size: int) -> None:
        await asyncio.sleep(1)
        if index * size <= 30 < (index + 1) * size:
            raise error("no")

    script.before = before
    async with _reading(script, kept) as it:
        for _ in range(40):
            if (await it.read()).whole:
                break
            await asyncio.sleep(30)
        else:
            pytest.fail("it never came to an end")
    lost = [one for one in script.events if one.id not in kept.events]
    assert lost
    assert all(
        any(gap.since <= one.created_at <= gap.until for gap in kept.gaps.values()) for one in lost
    )


async def test_an_order_that_never_stands_still_is_said_and_read_on_in_the_next_round() -> None:
    kept, numbers = Kept(), iter(range(10**9))
    script = Script()

    def restless(_: list[RawEvent]) -> list[RawEvent]:
        """Ever new events, each on two pages."""
        fresh = [event(f"n{next(numbers)}", NOW - 100 - n % 3) for n in range(13)]
        return [*fresh, event("same", NOW - 50), *fresh[:3]] if fresh else []

    calls = 0

    def twice(events: list[RawEvent]) -> list[RawEvent]:
        nonlocal calls
        calls += 1
        return restless(events) if calls % 4 else []

    script.arrange = twice
    async with _reading(script, kept) as it:
        await it.read()  # the sample
        report = await it.read()
    assert isinstance(report.error, ListChanged)
    assert not report.whole
