"""What pages are counted from is found out without a page being skipped."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.flatfile.session import Session, connect
from tests.flatfile.conftest import PAIR, Peer
from tests.support.loop import VirtualLoop

BEGAN = "2027-01-15T08:00:00.000Z"
SIZE = 5


class Feed:
    """Events newest first, without a page object; before each answer some new ones may come.

    ``news`` says how many before which request. ``clamps`` stays on its last page.
    """

    def __init__(self, base: int, old: int, news: Sequence[int], *, clamps: bool = False) -> None:
        self.base, self.news, self.clamps = base, list(news), clamps
        self.line = [f"e{number}" for number in range(old)]
        self.born = old
        self.peer = Peer(self._answer)

    def _answer(self, _path: str, query: dict[str, str]) -> str:
        for _ in range(self.news.pop(0) if self.news else 0):
            self.line.insert(0, f"e{self.born}")
            self.born += 1
        number = int(query.get("pageNumber", self.base)) - self.base
        if self.clamps:
            number = min(max(number, 0), (len(self.line) - 1) // SIZE)
        page = self.line[max(number, 0) * SIZE : (max(number, 0) + 1) * SIZE]
        shown = [{"id": id_, "topic": "t", "createdAt": BEGAN, "context": {}} for id_ in page]
        return json.dumps({"data": shown})


def session(feed: Feed) -> Session:
    return connect(
        "http://flatfile.test/v1",
        lambda: PAIR,
        timeout=30.0,
        concurrency=8,
        requests_per_second=1000.0,
        page_size=SIZE,
        clock=lambda: 1.8e9,
        rng=Random(1),
        transport=feed.peer.transport,
    )


async def _read(opened: Session) -> set[str]:
    return {event.id async for page in opened.flatfile.events(0.0) for event in page}


def _played(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())


@given(
    base=st.sampled_from([0, 1]),
    old=st.integers(0, 4 * SIZE),
    news=st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, SIZE + 1, 2 * SIZE + 1]), max_size=25),
)
def test_no_page_is_skipped_however_many_things_come_while_they_are_turned(
    base: int, old: int, news: list[int]
) -> None:
    """But for just as many as a page has, time after time: that looks like a page that stays."""
    feed = Feed(base, old, news)

    async def work() -> None:
        opened = session(feed)
        for _ in range(4):
            before = set(feed.line)
            assert before <= await _read(opened)
        await opened.aclose()

    _played(work)


@pytest.mark.parametrize("base", [0, 1])
async def test_a_burst_while_the_second_page_is_asked_for_teaches_nothing_wrong(base: int) -> None:
    feed = Feed(base, 3 * SIZE, [0, 0, 0, 0, 0, 0])
    opened = session(feed)
    for burst in range(2 * SIZE):
        feed.news = [0, burst, 0, burst]
        before = set(feed.line)
        assert before <= await _read(opened)
    await opened.aclose()


@pytest.mark.parametrize("base", [0, 1])
async def test_a_server_that_stays_on_its_last_page_is_read_whole_once_it_has_more(
    base: int,
) -> None:
    feed = Feed(base, 3, [], clamps=True)
    opened = session(feed)
    assert await _read(opened) == {"e0", "e1", "e2"}
    feed.news = [3 * SIZE]
    await _read(opened)
    assert await _read(opened) == set(feed.line)
    await opened.aclose()


async def test_once_it_is_known_that_it_counts_from_one_no_page_is_asked_for_twice() -> None:
    feed = Feed(1, 2 * SIZE, [])
    opened = session(feed)
    await _read(opened)
    feed.peer.asked.clear()
    await _read(opened)
    assert [query.get("pageNumber") for query in feed.peer.asked] == [None, "2", "3"]
    await opened.aclose()
