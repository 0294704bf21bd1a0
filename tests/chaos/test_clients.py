"""What clients do to the listener does not reach the others: on real sockets, with a large page."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from exporter.web.limits import DEFAULT, Limits
from exporter.web.server import Server
from tests.chaos.clients import KINDS, SCRAPE, Place, connected, crowd, stalled
from tests.web.stages import Place as Address
from tests.web.stages import many, showing

SERIES = 120_000
LARGE = many(SERIES)
SHORT = Limits(request_within=0.5, read_within=0.5, keep_alive=1, connections=60)
STALLED = 64
_FDS = Path("/proc/self/fd")
_MIB = 1024 * 1024


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def _serving(limits: Limits = DEFAULT) -> AsyncIterator[tuple[Server, Place]]:
    """Any number of scrapes at once: who stalls must not use up those of the others here."""
    server = Server(showing(LARGE), limits)
    server.bind([Address("127.0.0.1", 0)])
    await server.start()
    try:
        yield server, server.addresses[0]
    finally:
        await server.stop(1)


async def _scraped(place: Place) -> bytes:
    """The body of a page, by a scraper that reads."""
    reader, writer = await asyncio.open_connection(*place)
    try:
        writer.write(SCRAPE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        async with asyncio.timeout(20):
            answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head[:40]
    assert f"content-length: {len(body)}" in head.decode().lower(), "it is not whole"
    return body


async def test_64_stalled_scrapers_cost_a_few_pages_and_the_others_are_answered() -> None:
    async with _serving() as (server, place):
        page = len(await _scraped(place))
        gc.collect()
        tracemalloc.start()
        try:
            clients = [stalled(place) for _ in range(STALLED)]
            for _ in range(3):
                await asyncio.sleep(0.2)
                assert len(await _scraped(place)) == page
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert server.connections >= STALLED
        for client in clients:
            client.close()
        # The page is there once; what each of them waits for is a piece or two of it.
        print(f"64 stalled scrapers of {page / _MIB:.1f} MiB: {most / page:.1f} pages")
        assert most < 0.08 * STALLED * page
        assert most < 25 * _MIB


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_crowd_of_all_kinds_is_outlived_and_leaves_nothing_behind(seed: int) -> None:
    async with _serving(SHORT) as (server, place):
        page = await _scraped(place)
        await asyncio.sleep(0)
        before = len(asyncio.all_tasks()), len(list(_FDS.iterdir()))
        dice = Random(seed)
        for _ in range(3):
            clients = crowd(place, 80, dice)
            await asyncio.sleep(0.05)
            assert server.connections <= SHORT.connections
            await _until_answered(place, page)
            for client in clients:
                client.close()
        async with asyncio.timeout(20):
            while server.connections:  # noqa: ASYNC110 - what is waited for is in the system
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)
        assert await _scraped(place) == page
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) <= before[0]
        assert len(list(_FDS.iterdir())) <= before[1]


async def _until_answered(place: Place, page: bytes) -> None:
    """A newcomer is sent away while all others wait for an answer, and comes again.

    It is answered as soon as those who do not read have had their time.
    """
    async with asyncio.timeout(10):
        while True:
            try:
                assert await _scraped(place) == page
            except (ConnectionError, AssertionError):
                await asyncio.sleep(0.1)
            else:
                return


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "resetting"])
async def test_whoever_goes_on_like_that_is_cut_off(kind: str) -> None:
    async with _serving(SHORT) as (server, place):
        clients = [KINDS[kind](place) for _ in range(8)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            while server.connections:  # noqa: ASYNC110 - what is waited for is in the system
                await asyncio.sleep(0.05)
        for client in clients:
            client.close()


async def test_who_vanishes_without_a_word_holds_nothing_for_longer_than_it_may() -> None:
    """Half open: the other end is gone, and no packet ever says so."""
    async with _serving(SHORT) as (server, place):
        gone = [stalled(place) for _ in range(4)] + [connected(place) for _ in range(4)]
        await asyncio.sleep(0.1)
        assert server.connections == len(gone)
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(20):
            while server.connections:  # noqa: ASYNC110 - what is waited for is in the system
                await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() - began < 15
        for client in gone:
            client.close()
