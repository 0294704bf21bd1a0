"""The pages: rendered once per change, off the loop, from what is fresh."""

import asyncio
import gzip
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from exporter import disposal
from exporter.board import Board, Reading, Record, Snapshot
from exporter.exposition import Exposition, Page, UnknownCollector
from exporter.families import Measured
from exporter.precedence import Precedence
from tests.exposition.families import Watched, gauge
from tests.support.freed import Watch

OPEN = "application/openmetrics-text;version=1.0.0"
ALL: frozenset[str] = frozenset()


@dataclass
class Stage:
    """A board with collectors ``a`` and ``b``, a clock and live families, all to be moved."""

    now: float = 0.0
    board: Board = field(default_factory=Board)
    live: tuple[Measured, ...] = ()
    exposition: Exposition = field(init=False)

    def __post_init__(self) -> None:
        record = Record(interval=60, retain=600)
        self.board.snapshot = Snapshot(records={"a": record, "b": record})
        self.exposition = Exposition(self.board, lambda: self.live, lambda: self.now)

    def saw(self, name: str, shown: tuple[Measured, ...]) -> None:
        reading = Reading(at=self.now, data=None, whole=shown, shown=shown)
        old = self.board.snapshot
        self.board.snapshot = replace(old, readings={**old.readings, name: reading})

    async def page(
        self, accept: str | None = None, encoding: str | None = None, *collect: str
    ) -> str:
        return plain(await self.exposition.page(accept, encoding, frozenset(collect)))


def plain(page: Page) -> str:
    body = b"".join(page.chunks)
    assert page.length == len(body)
    return (gzip.decompress(body) if page.encoding == "gzip" else body).decode()


def names(page: str) -> list[str]:
    return [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.live = (gauge("flatfile_exporter_live", 1.0),)
    stage.saw("b", Watched((gauge("flatfile_b", 3.0),)))
    stage.saw("a", Watched((gauge("flatfile_a", 1.0, 2.0),)))
    return stage


def watched(stage: Stage, name: str) -> Watched:
    shown = stage.board.snapshot.readings[name].shown
    assert isinstance(shown, Watched)
    return shown


async def test_a_page_has_the_collectors_in_their_order_and_then_the_exporter(stage: Stage) -> None:
    assert await stage.page() == (
        "# HELP flatfile_a Help of flatfile_a.\n# TYPE flatfile_a gauge\n"
        'flatfile_a{environment_id="us_env_000000"} 1\n'
        'flatfile_a{environment_id="us_env_000001"} 2\n'
        "# HELP flatfile_b Help of flatfile_b.\n# TYPE flatfile_b gauge\n"
        'flatfile_b{environment_id="us_env_000000"} 3\n'
        "# HELP flatfile_exporter_live Help of flatfile_exporter_live.\n"
        "# TYPE flatfile_exporter_live gauge\n"
        'flatfile_exporter_live{environment_id="us_env_000000"} 1\n'
    )


async def test_content_type_and_encoding_are_said(stage: Stage) -> None:
    page = await stage.exposition.page(OPEN, "gzip", ALL)
    assert page.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert page.encoding == "gzip"
    page = await stage.exposition.page(None, None, ALL)
    assert page.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert page.encoding is None


@pytest.mark.parametrize("accept", [None, OPEN])
async def test_the_gzipped_page_is_one_stream_of_the_same_bytes(
    stage: Stage, accept: str | None
) -> None:
    stage.saw("a", tuple(gauge(f"flatfile_a{at}", *range(3000)) for at in range(4)))
    same = await stage.page(accept)
    page = await stage.exposition.page(accept, "gzip", ALL)
    reader = zlib.decompressobj(31)
    assert reader.decompress(b"".join(page.chunks)).decode() == same
    assert reader.eof
    assert not reader.unused_data
    assert page.length < len(same) / 5
    assert same.endswith("# EOF\n") == (accept == OPEN)


async def test_no_chunk_is_long(stage: Stage) -> None:
    stage.saw("a", (gauge("flatfile_a", *range(20_000)),))
    page = await stage.exposition.page(None, None, ALL)
    assert page.length > 900_000
    assert max(map(len, page.chunks)) <= 128 * 1024
    assert len(page.chunks) < 30


async def test_concurrent_scrapes_after_a_change_render_once(stage: Stage) -> None:
    scrapes = [
        stage.page(accept, encoding)
        for accept in (None, OPEN)
        for encoding in (None, "gzip")
        for _ in range(10)
    ]
    pages = await asyncio.gather(*scrapes)
    assert len(set(pages)) == 2
    assert watched(stage, "a").times == watched(stage, "b").times == 1


async def test_concurrent_scrapes_after_a_change_join_the_fragments_once(stage: Stage) -> None:
    scrapes = (stage.exposition.page(None, "gzip", ALL) for _ in range(10))
    pages = await asyncio.gather(*scrapes)
    assert len({id(page.chunks[0]) for page in pages}) == 1


async def test_only_what_changed_is_rendered_again(stage: Stage) -> None:
    await stage.page()
    stage.saw("a", Watched((gauge("flatfile_a", 5.0),)))
    assert 'flatfile_a{environment_id="us_env_000000"} 5\n' in await stage.page(None, "gzip")
    assert watched(stage, "a").times == watched(stage, "b").times == 1


async def test_live_families_are_measured_at_each_scrape(stage: Stage) -> None:
    for value in (7, 8):
        stage.live = (gauge("flatfile_exporter_live", float(value)),)
        for encoding in (None, "gzip"):
            assert (await stage.page(None, encoding)).endswith(f'"us_env_000000"}} {value}\n')
    assert watched(stage, "a").times == 1


class Slow(Watched):
    """Rendering it waits for somebody in another thread."""

    released: threading.Event
    seen: bool = False

    def __iter__(self) -> Iterator[Measured]:
        self.seen = self.released.wait(5)
        return super().__iter__()


async def test_the_loop_turns_while_a_page_is_rendered(stage: Stage) -> None:
    slow = Slow((gauge("flatfile_a", 1.0),))
    slow.released = threading.Event()
    stage.saw("a", slow)
    scrape = asyncio.create_task(stage.page())
    await turns(stage.exposition._rendering.locked)
    slow.released.set()
    await scrape
    assert slow.seen


async def test_who_waits_for_a_rendering_gets_what_came_meanwhile(stage: Stage) -> None:
    slow = Slow((gauge("flatfile_a", 1.0),))
    slow.released = threading.Event()
    stage.saw("a", slow)
    first = asyncio.create_task(stage.page())
    await turns(stage.exposition._rendering.locked)
    second = asyncio.create_task(stage.page())
    await turns(lambda: bool(stage.exposition._rendering._waiters))
    stage.saw("a", (gauge("flatfile_a", 2.0),))
    slow.released.set()
    assert '"us_env_000000"} 1\n' in await first
    assert 'flatfile_a{environment_id="us_env_000000"} 2\n' in await second


async def test_a_scrape_that_goes_away_does_not_spoil_the_next(stage: Stage) -> None:
    slow = Slow((gauge("flatfile_a", 1.0),))
    slow.released = threading.Event()
    stage.saw("a", slow)
    gone = asyncio.create_task(stage.page())
    await turns(stage.exposition._rendering.locked)
    gone.cancel()
    slow.released.set()
    assert names(await stage.page()) == ["flatfile_a", "flatfile_b", "flatfile_exporter_live"]


async def turns(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_a_family_past_its_bound_vanishes_without_any_round(
    stage: Stage, encoding: str | None
) -> None:
    stage.now = 300.0
    stage.saw("b", (gauge("flatfile_b", 4.0),))
    stage.now = 600.0
    assert names(await stage.page(None, encoding))[:2] == ["flatfile_a", "flatfile_b"]
    stage.now = 600.5
    assert names(await stage.page(None, encoding)) == ["flatfile_b", "flatfile_exporter_live"]
    stage.now = 901.0
    assert names(await stage.page(None, encoding)) == ["flatfile_exporter_live"]


async def test_what_is_no_longer_shown_is_not_kept(stage: Stage) -> None:
    await stage.page(None, "gzip")
    await stage.page(OPEN)
    stage.now = 700.0
    await stage.page()
    assert not stage.exposition._fragments
    assert [made.fragments for made in stage.exposition._beginnings.values()] == [()]


async def test_before_anything_was_seen_there_is_a_page() -> None:
    empty = Stage()
    assert await empty.page() == ""
    assert await empty.page(OPEN, "gzip") == "# EOF\n"


async def test_collect_restricts_to_the_families_of_some_collectors(stage: Stage) -> None:
    assert names(await stage.page(None, None, "b")) == ["flatfile_b"]
    assert names(await stage.page(None, "gzip", "b", "a")) == ["flatfile_a", "flatfile_b"]
    assert (await stage.page(OPEN, "gzip", "b")).endswith("} 3\n# EOF\n")
    assert "flatfile_exporter_live" in await stage.page()
    assert watched(stage, "a").times == watched(stage, "b").times == 1


async def test_collect_with_an_unknown_name_lists_the_valid_ones(stage: Stage) -> None:
    with pytest.raises(UnknownCollector, match="a, b"):
        await stage.page(None, None, "a", "c")


async def test_what_is_shown_no_more_is_freed_off_the_event_loop(stage: Stage) -> None:
    watch = Watch()

    def shown() -> tuple[Measured, ...]:
        label = watch.label("us_env_1")
        family = gauge("flatfile_a", 1.0)
        return (replace(family, labels=("environment_id",), samples=(((label,), 1.0),)),)

    stage.saw("a", shown())
    await stage.page()
    stage.saw("a", shown())
    assert watch.threads == []
    await stage.page()
    await asyncio.sleep(1)
    assert len(watch.threads) == 1
    assert threading.get_ident() != watch.threads[0]


async def test_a_rendering_gives_way_to_answers_all_the_time(stage: Stage) -> None:
    rests: list[bool] = []

    class Counted(Precedence):
        def give_way(self) -> None:
            # Freeing what was shown before is not waited for, and may rest for this very answer.
            if sys._getframe(1).f_globals["__name__"] != disposal.__name__:
                rests.append(self.left > 0.0)

    precedence = Counted(lambda: 0.0)
    exposition = Exposition(stage.board, tuple, lambda: 0.0, precedence)
    stage.saw("a", (gauge("flatfile_a", *map(float, range(5_000))),))
    with precedence.answering():
        await exposition.page(None, "gzip", ALL)
        assert precedence.left > 0.0
    assert len(rests) >= 5_000 / 500
    assert not any(rests)  # not to the answer that waits for it
