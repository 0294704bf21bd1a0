"""What the API's answers do to the rate at which it is asked."""

import asyncio
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from exporter import errors
from exporter.emulator import Emulator, Fault
from exporter.flatfile.governor import RECOVERY
from exporter.flatfile.session import Session
from tests.flatfile.conftest import Opening


async def _users(session: Session) -> None:
    with suppress(errors.RoundError):  # the rate is what is looked at
        await session.flatfile.users()


async def test_a_503_that_names_no_time_slows_down_and_does_not_pause(
    session: Session, emulator: Emulator
) -> None:
    await asyncio.gather(*(session.flatfile.account() for _ in range(8)))
    emulator.faults.add(Fault("status", route="/users", count=1))
    await _users(session)
    assert 0.0 < session.budget.rate < 1000.0
    assert asyncio.get_running_loop().time() < 0.9  # the jitter alone


@pytest.mark.parametrize("status", [500, 502, 404, 401])
async def test_other_failures_are_no_sign_of_being_asked_too_much(
    session: Session, emulator: Emulator, status: int
) -> None:
    await session.flatfile.account()
    emulator.faults.add(Fault("status", route="/users", status=status, count=2))
    await _users(session)
    assert session.budget.rate == 1000.0


@pytest.mark.parametrize("status", [408, 504])
async def test_a_time_out_of_the_server_or_of_a_gateway_slows_down(
    session: Session, emulator: Emulator, status: int
) -> None:
    await session.flatfile.account()
    emulator.faults.add(Fault("status", route="/users", status=status, count=1))
    await _users(session)
    assert session.budget.rate < 1000.0


async def test_an_answer_that_never_comes_slows_down(opened: Opening, emulator: Emulator) -> None:
    session = opened(timeout=5.0)
    await session.flatfile.account()
    emulator.faults.add(Fault("hang", route="/users", count=1))
    await _users(session)
    assert session.budget.rate < 1000.0


async def test_what_the_token_endpoint_says_concerns_logging_in_only(
    session: Session, emulator: Emulator
) -> None:
    await session.flatfile.account()
    emulator.credentials.revoke()
    emulator.faults.add(
        Fault("status", route="/auth", status=429, retry_after=("40",), probability=1.0)
    )
    with pytest.raises(errors.Throttled):
        await asyncio.wait_for(session.keeper.replace(await session.keeper.get()), 1.0)
    assert session.budget.rate == 1000.0
    assert session.budget.held_back == 0.0


async def test_what_the_api_says_concerns_logging_in_as_well(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("status", route="/users", status=503, retry_after=("40",), count=1))
    asking = asyncio.create_task(_users(session))
    await asyncio.sleep(0.01)
    token = await session.keeper.get()
    minted = emulator.credentials.minted
    await session.keeper.replace(token)
    assert emulator.credentials.minted == minted + 1
    assert asyncio.get_running_loop().time() == pytest.approx(40.0, abs=0.1)
    await asking


async def test_a_server_that_gets_slow_is_asked_less_and_a_quick_one_as_much_as_allowed(
    opened: Opening, emulator: Emulator
) -> None:
    session = opened(requests_per_second=20.0)
    emulator.faults.add(Fault("latency", delay=0.05))
    with capture_logs() as lines:
        for _ in range(100):
            await session.flatfile.account()
        assert session.budget.rate == 20.0
        emulator.faults.set([Fault("latency", delay=3.0)])
        for _ in range(20):
            await session.flatfile.account()
        assert session.budget.rate < 10.0
        emulator.faults.clear()
        await asyncio.sleep(RECOVERY)
        await session.flatfile.account()
        assert session.budget.rate == 20.0
    said = [(line["event"], line.get("because")) for line in lines]
    assert said == [("api_slowed_down", "slow answers"), ("api_at_full_rate", None)]


async def test_a_reload_to_the_same_api_keeps_the_rate_and_one_to_another_does_not(
    opened: Opening, emulator: Emulator
) -> None:
    first = opened()
    await first.flatfile.account()
    emulator.faults.add(Fault("status", route="/users", count=1))
    await _users(first)
    assert opened(before=first).budget.rate < 1000.0
    assert opened(before=first, url="http://another.test/v1").budget.rate == 1000.0
