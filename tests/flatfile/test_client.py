"""Trying again, waiting as told, and telling one kind of failure from another."""

import asyncio
from email.utils import formatdate
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter import errors
from exporter.emulator import Emulator, Fault
from exporter.flatfile.session import Session
from tests.flatfile.conftest import Opening


def now() -> float:
    return asyncio.get_running_loop().time()


def paths(emulator: Emulator) -> list[str]:
    return [request.path for request in emulator.requests if request.path != "/auth"]


STATUSES = [
    (400, errors.BadRequest, 1, True),
    (403, errors.Forbidden, 1, True),
    (404, errors.NotFound, 1, True),
    (405, errors.BadRequest, 1, True),
    (408, errors.TimedOut, 4, True),
    (410, errors.NotFound, 1, True),
    (429, errors.Throttled, 4, None),
    (500, errors.ServerFailed, 4, False),
    (503, errors.ServerFailed, 4, False),
    (599, errors.ServerFailed, 4, False),
]


@pytest.mark.parametrize(("status", "kind", "attempts", "up"), STATUSES)
async def test_each_status_is_its_own_failure_and_only_what_may_pass_is_tried_again(
    session: Session,
    emulator: Emulator,
    status: int,
    kind: type[errors.RoundError],
    attempts: int,
    up: bool | None,
) -> None:
    await session.keeper.get()
    session.usage.up = None
    emulator.faults.add(Fault("status", route="/guests", status=status))
    with pytest.raises(kind, match=rf"GET /guests answered {status}"):
        await session.flatfile.guests()
    assert len(paths(emulator)) == attempts
    assert session.usage.up is up
    reading = session.usage.reading()
    assert reading.requests["/guests", "GET", str(status)] == attempts
    assert sum(reading.retries.values()) == attempts - 1
    assert sum(reading.durations["/guests"].counts) == attempts


@pytest.mark.parametrize(
    "kind", ["html", "empty", "cut_json", "not_utf8", "deep_json", "wrong_data", "wrong_types",
             "nulls", "missing_fields"],
)  # fmt: skip
async def test_an_answer_of_another_shape_is_malformed_and_the_next_one_is_fine(
    session: Session, emulator: Emulator, kind: Any
) -> None:
    emulator.faults.add(Fault(kind, route="/environments", count=1))
    with pytest.raises(errors.Malformed, match="/environments"):
        await session.flatfile.environments()
    no_json = kind in {"html", "empty", "cut_json", "not_utf8", "deep_json"}
    assert session.usage.up is not no_json
    assert len(await session.flatfile.environments()) == 3
    assert session.usage.up is True


async def test_one_failure_is_got_over_and_counted(session: Session, emulator: Emulator) -> None:
    emulator.faults.add(Fault("status", route="/users", status=502, count=2))
    assert len(await session.flatfile.users()) == 130
    assert session.usage.reading().retries["server_error"] == 2
    assert 0.0 < now() < 1.5


async def test_pauses_between_attempts_are_jittered(emulator: Emulator, opened: Opening) -> None:
    emulator.faults.add(Fault("status", route="/accounts/*", status=500))
    session = opened()
    waits = set()
    for _ in range(5):
        began = now()
        with pytest.raises(errors.ServerFailed):
            await session.flatfile.account()
        waits.add(round(now() - began, 4))
    assert len(waits) == 5
    assert max(waits) <= 3.5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "header", [("20",), ("5", "20"), ("5, 20",), ("date",)],
)  # fmt: skip
async def test_retry_after_holds_back_every_other_route(
    session: Session, emulator: Emulator, status: int, header: tuple[str, ...]
) -> None:
    await session.flatfile.account()
    values = tuple(formatdate(1_800_000_020.0, usegmt=True) if v == "date" else v for v in header)
    fault = Fault("status", route="/users", status=status, retry_after=values, count=1)
    emulator.faults.add(fault)
    asking = asyncio.create_task(session.flatfile.users())
    await asyncio.sleep(0.1)
    assert session.budget.rate == 0.0
    await session.flatfile.environments()
    assert now() == pytest.approx(20.0, abs=0.2)
    assert len(await asking) == 130
    assert session.usage.reading().retries["throttled"] == 1
    assert session.usage.reading().throttled_seconds > 19.0


async def test_retry_after_holds_back_the_login_too(session: Session, emulator: Emulator) -> None:
    fault = Fault("status", route="/auth", status=429, retry_after=("30",), count=1)
    emulator.faults.add(fault)
    with pytest.raises(errors.Throttled):
        await session.keeper.get()
    await asyncio.sleep(6.0)
    await session.keeper.get()
    assert now() == pytest.approx(30.0, abs=0.1)


async def test_a_long_pause_fails_at_once_and_ends_after_an_hour_at_most(
    session: Session, emulator: Emulator
) -> None:
    await session.flatfile.account()
    emulator.faults.add(
        Fault("status", route="/users", status=429, retry_after=("86400",), count=1)
    )
    with pytest.raises(errors.Throttled):
        await session.flatfile.users()
    with pytest.raises(errors.Throttled, match="3600 s to go"):
        await session.flatfile.environments()
    assert now() == 0.0
    await asyncio.sleep(3600.0)
    assert len(await session.flatfile.users()) == 130


async def test_a_429_that_does_not_say_how_long_still_slows_everybody(
    session: Session, emulator: Emulator
) -> None:
    await session.flatfile.account()
    emulator.faults.add(Fault("status", route="/users", status=429, count=1))
    asking = asyncio.create_task(session.flatfile.users())
    await asyncio.sleep(0.01)
    await session.flatfile.environments()
    assert now() == pytest.approx(1.0, abs=0.1)
    await asking


async def test_a_reload_does_not_shorten_the_pause(opened: Opening) -> None:
    first = opened()
    first.budget.pause(50.0)
    second = opened(before=first)
    await second.flatfile.account()
    assert now() == pytest.approx(50.0, abs=0.1)


async def test_a_hanging_answer_ends_at_the_time_out(opened: Opening, emulator: Emulator) -> None:
    session = opened(timeout=7.0)
    await session.keeper.get()
    emulator.faults.add(Fault("hang", route="/users"))
    with pytest.raises(errors.TimedOut, match=r"api\.timeout"):
        await session.flatfile.users()
    assert now() == pytest.approx(4 * 7.0, abs=3.6)
    assert session.usage.reading().requests["/users", "GET", "error"] == 4
    assert session.usage.up is False


async def test_one_route_that_answers_401_is_forbidden_and_poisons_nothing(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.forbid_routes = {"/users": 401}
    with capture_logs() as logs:
        for _ in range(5):
            with pytest.raises(errors.Forbidden, match="/users"):
                await session.flatfile.users()
            assert len(await session.flatfile.environments()) == 3
    assert emulator.credentials.minted == 2  # one to be sure; not one for each round
    assert session.keeper.status().valid is True
    assert session.usage.up is True
    assert logs == []
    emulator.quirks.forbid_routes = {}
    assert len(await session.flatfile.users()) == 130


async def test_a_revoked_token_is_replaced_also_for_a_route_that_was_denied_before(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.forbid_routes = {"/users": 401}
    with pytest.raises(errors.Forbidden):
        await session.flatfile.users()
    emulator.quirks.forbid_routes = {}
    emulator.credentials.revoke()
    assert len(await session.flatfile.users()) == 130


async def test_the_requests_stay_within_the_rate(opened: Opening, emulator: Emulator) -> None:
    session = opened(requests_per_second=10.0, page_size=10)
    await asyncio.gather(session.flatfile.spaces(archived=True), session.flatfile.users())
    requests = len(emulator.requests)
    assert now() >= (requests - 8) / 10.0 - 0.01
    assert now() <= requests / 10.0 + 0.5


async def test_counts_survive_a_cancelled_request(session: Session, emulator: Emulator) -> None:
    await session.keeper.get()
    emulator.faults.add(Fault("hang", route="/users", count=1))
    asking = asyncio.create_task(session.flatfile.users())
    await asyncio.sleep(1.0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert session.usage.reading().requests["/users", "GET", "error"] == 1
    assert len(await session.flatfile.users()) == 130


async def test_all_reasons_for_trying_again_are_there_from_the_start(session: Session) -> None:
    reading = session.usage.reading()
    assert reading.retries == dict.fromkeys(
        ["list_changed", "page_size", "server_error", "throttled", "timeout", "unauthorized",
         "unreachable"], 0,
    )  # fmt: skip
    assert reading.up is None
    assert reading.requests == {}


async def test_a_question_after_the_end_is_unreachable_and_no_bug(opened: Opening) -> None:
    session = opened()
    await session.aclose()
    with pytest.raises(errors.Unreachable, match="closed"):
        await session.flatfile.account()
