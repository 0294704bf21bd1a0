"""Hours of the whole daemon in virtual time: tokens that expire, outages, a refused credential."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.emulator import Fault
from tests.support.days import running
from tests.support.loop import VirtualLoop

HOUR = 3600.0
OPEN = Path("/proc/self/fd")


async def test_tokens_are_refreshed_before_they_expire_and_no_round_ever_fails() -> None:
    async with running(token_lifetime=1200.0) as days:
        await asyncio.sleep(2 * HOUR)
        for name in ("environments", "agents", "spaces", "users", "events"):
            rounds, failures, succeeded = days.record(name)
            assert (failures, succeeded) == (0, True), name
            assert rounds >= 24
        # Each is refreshed at 75 to 85 % of its life.
        assert 6 <= days.emulator.credentials.minted <= 9
        assert 401 not in {r.status for r in days.emulator.requests}


async def test_an_outage_of_an_hour_is_said_once_and_got_over() -> None:
    async with running() as days:
        await asyncio.sleep(600)
        with capture_logs() as lines:
            days.emulator.faults.add(Fault("status"))
            await asyncio.sleep(HOUR)
            asked = len(days.emulator.requests)
            days.emulator.faults.clear()
            await asyncio.sleep(900)
        for name in ("environments", "agents", "users", "events"):
            mine = [line["event"] for line in lines if line.get("collector") == name]
            assert mine == ["collector_failing", "collector_recovered"], name
            assert days.record(name)[2] is True
        assert asked < 2000  # it was no storm


async def test_a_refused_credential_is_said_once_and_tried_with_growing_pauses() -> None:
    async with running() as days:
        await asyncio.sleep(600)
        logins = sum(r.path == "/auth" for r in days.emulator.requests)
        with capture_logs() as lines:
            days.emulator.credentials.refused = True
            days.emulator.credentials.revoke()
            await asyncio.sleep(2 * HOUR)
            tried = sum(r.path == "/auth" for r in days.emulator.requests) - logins
            days.emulator.credentials.refused = False
            await asyncio.sleep(900)
        said = [line["event"] for line in lines if line["event"].startswith("credential")]
        assert said == ["credential_refused", "credential_accepted"]
        assert 10 <= tried <= 60
        assert days.record("agents")[2] is True


async def test_nothing_piles_up_while_hours_pass() -> None:
    async with running() as days:
        await asyncio.sleep(HOUR)
        before = len(asyncio.all_tasks()), len(list(OPEN.iterdir()))
        await asyncio.sleep(HOUR)
        after = len(asyncio.all_tasks()), len(list(OPEN.iterdir()))
        assert after[0] <= before[0] + 2
        assert after[1] <= before[1] + 2
        assert days.record("agents")[0] >= 24


async def test_nothing_is_asked_any_more_once_a_bug_has_ended_the_daemon() -> None:
    loop = asyncio.get_running_loop()
    asked: list[int] = []

    def wall() -> float:
        task = asyncio.current_task()
        if loop.time() > 600 and task and task.get_name() == "heartbeat":
            raise ZeroDivisionError
        return VirtualLoop.EPOCH + loop.time()

    async def live() -> None:
        async with running(wall=wall) as days:
            for _ in range(3):
                await asyncio.sleep(610)
                asked.append(len(days.emulator.requests))

    with pytest.raises(ExceptionGroup) as ended:
        await live()
    assert ended.group_contains(ZeroDivisionError)
    assert asked[0] == asked[1] == asked[2]
