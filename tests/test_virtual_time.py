"""The virtual clock itself: if it lies, every test that waits lies."""

import asyncio
import threading
import time


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
