"""The virtual clock itself: if it lies, every test that waits lies."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.loop import VirtualLoop


async def test_a_day_passes_at_once() -> None:
    began = time.monotonic()
    await asyncio.sleep(86_400)
    assert asyncio.get_running_loop().time() >= 86_400
    assert time.monotonic() - began < 60


async def test_the_clock_stands_still_while_a_thread_works() -> None:
    release = threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> str:
        release.wait(10)
        return "done"

    working = loop.run_in_executor(None, work)
    loop.call_soon(release.set)
    async with asyncio.timeout(0.5):
        assert await working == "done"
    assert loop.time() < 0.5


async def test_the_clock_stands_still_until_a_job_that_was_given_up_has_ended() -> None:
    begun, release = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    ended: list[float] = []

    def work() -> None:
        begun.set()
        release.wait(10)
        ended.append(loop.time())

    working = loop.run_in_executor(None, work)
    begun.wait(10)
    threading.Timer(0.05, release.set).start()
    working.cancel()
    await asyncio.sleep(100)
    assert ended == [pytest.approx(0.0, abs=1.0)]


async def test_a_job_that_an_executor_refused_is_not_waited_for() -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    with pytest.raises(RuntimeError, match="shutdown"):
        await loop.run_in_executor(threads, time.monotonic)
    assert loop.in_threads == 0, "the clock would stand still for good"


async def test_a_thread_can_be_told_what_time_it_is() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    await asyncio.sleep(100)
    told = await loop.run_in_executor(None, loop.wall)
    assert told == loop.wall() >= VirtualLoop.EPOCH + 100
