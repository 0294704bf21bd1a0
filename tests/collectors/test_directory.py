"""The listing of environments that all collectors share."""

import asyncio

import pytest

from exporter.emulator import Fault
from exporter.errors import Malformed
from exporter.flatfile.models import Environment
from tests.support.account import Bench, bench


def _asking(it: Bench, times: int, max_age: float) -> list[asyncio.Task[tuple[Environment, ...]]]:
    asked = it.directory.environments
    return [asyncio.create_task(asked(it.session.flatfile, max_age=max_age)) for _ in range(times)]


async def test_ten_who_want_it_afresh_share_one_listing_that_began_after_they_came() -> None:
    async with bench() as it:
        it.emulator.faults.add(Fault("latency", "/environments", delay=5.0))
        first = _asking(it, 1, max_age=0.0)
        await asyncio.sleep(2.0)
        deleted = it.emulator.world.environment("staging").id
        it.emulator.world.delete_environment(deleted)
        rest = _asking(it, 10, max_age=0.0)
        await asyncio.gather(*first)
        for listed in await asyncio.gather(*rest):
            assert deleted not in {e.id for e in listed}
        assert it.asked("/environments") == 2


async def test_two_questions_after_each_other_are_two_even_in_the_same_instant() -> None:
    async with bench() as it:
        await asyncio.gather(*_asking(it, 1, max_age=0.0))
        await asyncio.gather(*_asking(it, 1, max_age=0.0))
        assert it.asked("/environments") == 2


async def test_ten_who_wait_for_a_listing_that_fails_do_not_ask_ten_times() -> None:
    async with bench() as it:
        it.emulator.faults.add(Fault("html", "/environments", delay=1.0))
        found = await asyncio.gather(*_asking(it, 10, max_age=60.0), return_exceptions=True)
        assert [type(each) for each in found] == [Malformed] * 10
        assert it.asked("/environments") == 2


async def test_a_listing_that_is_cancelled_is_begun_again_by_the_next() -> None:
    async with bench() as it:
        it.emulator.faults.add(Fault("latency", "/environments", delay=5.0))
        askers = _asking(it, 5, max_age=0.0)
        await asyncio.sleep(1.0)
        for cancelled in askers[:2]:  # each of them while its own listing is under way
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            await asyncio.sleep(1.0)
        for listed in await asyncio.gather(*askers[2:]):
            assert len(listed) == 5
        assert it.asked("/environments") == 3
