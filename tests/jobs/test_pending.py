"""What waits to be asked again: coalesced, in order, never dropped."""

import asyncio

import pytest

from exporter.jobs.pending import Pending


async def test_an_id_that_is_named_often_is_taken_once() -> None:
    pending = Pending()
    for _ in range(5):
        pending.add(["a", "b"], 0.0)
    assert await pending.take(10) == {"a", "b"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await pending.take(10)


async def test_the_longest_waiting_go_first_and_the_rest_stays() -> None:
    pending = Pending()
    pending.add(["late"], -1.0)
    pending.add(["later"], -0.5)
    pending.add(["latest"], -2.0)
    assert await pending.take(2) == {"latest", "late"}
    assert await pending.take(2) == {"later"}


async def test_what_is_due_later_is_waited_for_and_what_comes_sooner_wakes() -> None:
    loop = asyncio.get_running_loop()
    pending = Pending()
    pending.add(["a"], loop.time() + 30)
    taking = asyncio.create_task(pending.take(10))
    await asyncio.sleep(10)
    assert not taking.done()
    pending.add(["b"], loop.time() + 5)
    assert await taking == {"b"}
    assert loop.time() == pytest.approx(15)
    pending.add(["a"], loop.time() + 100)  # waits no longer than it would
    assert await pending.take(10) == {"a"}
    assert loop.time() == pytest.approx(30)
