"""The token's life, against the emulated POST /auth, in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.emulator import Emulator, Fault, Scale, World
from exporter.emulator.credentials import CLIENT_ID, PAT, SECRET
from exporter.errors import (
    ConfigurationError,
    Malformed,
    Mistake,
    RoundError,
    ServerFailed,
    Unauthorized,
)
from exporter.flatfile.credential import ClientPair, Credential, PersonalToken
from exporter.flatfile.session import Session
from tests.flatfile.conftest import PAIR, Opening

WRONG = ClientPair(CLIENT_ID, "CANARY-wrong")
HOUR = 3600.0
STILL = Scale(environments=1, spaces=3, users=30, guests=0, events_per_minute=0, rare=0)


@pytest.fixture
async def world(wall: Callable[[], float]) -> World:
    """Nothing happens in it: these tests take days."""
    return World(STILL, 7, wall)


@dataclass
class Source:
    """A credential that somebody may change, as in a file."""

    value: Credential | None

    def __call__(self) -> Credential:
        if self.value is None:
            raise ConfigurationError(Mistake("auth.client-secret", "file s", "there is no file s"))
        return self.value


def auths(emulator: Emulator) -> int:
    return sum(request.path == "/auth" for request in emulator.requests)


def names(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs]


async def poll(session: Session, seconds: float, every: float = 6.0) -> set[str]:
    """Ask again and again, as many collectors would; the reasons of the failures."""
    reasons = set()
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        try:
            await session.flatfile.account()
        except RoundError as error:
            reasons.add(error.reason)
        await asyncio.sleep(every)
    return reasons


async def test_ten_simultaneous_first_questions_mint_once(
    session: Session, emulator: Emulator
) -> None:
    await asyncio.gather(*(session.flatfile.account() for _ in range(10)))
    assert auths(emulator) == 1


async def test_ten_simultaneous_401s_mint_once(session: Session, emulator: Emulator) -> None:
    await session.flatfile.account()
    emulator.credentials.revoke()
    emulator.faults.add(Fault("latency", route="/accounts/*", delay=1.0))
    await asyncio.gather(*(session.flatfile.account() for _ in range(10)))
    assert auths(emulator) == 2
    assert session.keeper.status().refreshes == 2
    assert session.usage.reading().retries["unauthorized"] == 10


async def test_a_token_that_ran_out_by_our_clock_is_not_even_tried(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.token_lifetime = 600.0
    await session.flatfile.account()
    await asyncio.sleep(601.0)
    await session.flatfile.account()
    assert [request.status for request in emulator.requests] == [200] * 4


async def test_the_timer_refreshes_well_before_expiry_and_nobody_sees_a_401(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.token_lifetime = 2400.0
    job = asyncio.create_task(session.keeper.keep())
    await session.flatfile.account()
    for _ in range(10):
        due = session.keeper.refresh_due()
        minted = session.keeper.status().last_refresh
        assert due is not None
        assert minted is not None
        assert 0.75 <= (due - minted) / 2400.0 <= 0.85
        await asyncio.sleep(due - minted + 16.0)
        await session.flatfile.account()
    job.cancel()
    assert session.keeper.status().refreshes == 11
    assert all(request.status == 200 for request in emulator.requests)


async def test_the_old_token_serves_on_while_the_refresh_fails(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.token_lifetime = 2 * HOUR
    job = asyncio.create_task(session.keeper.keep())
    await session.flatfile.account()
    emulator.faults.add(Fault("status", route="/auth", status=500))
    with capture_logs() as logs:
        assert await poll(session, 1.9 * HOUR, every=60.0) == set()
        assert session.keeper.status().failures > 3
        assert session.keeper.status().valid is True
        emulator.faults.clear()
        assert await poll(session, HOUR, every=60.0) == set()
    job.cancel()
    assert names(logs) == ["token_refresh_failing", "token_refresh_recovered"]


async def test_the_old_token_serves_on_while_its_refresh_is_refused_but_not_as_valid(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.token_lifetime = 2 * HOUR
    job = asyncio.create_task(session.keeper.keep())
    await session.flatfile.account()
    emulator.credentials.refused = True
    with capture_logs() as logs:
        assert await poll(session, 1.9 * HOUR, every=60.0) == set()
        assert session.keeper.status().valid is False
        emulator.credentials.refused = False
        await asyncio.sleep(400.0)
        assert session.keeper.status().valid is True
    job.cancel()
    assert names(logs) == ["credential_refused", "credential_accepted"]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_wrong_credential_is_said_once_and_tried_again_with_growing_pauses(
    opened: Opening, emulator: Emulator, status: int
) -> None:
    emulator.quirks.auth_refusal = status
    session = opened(source=lambda: WRONG)
    with capture_logs() as logs:
        assert await poll(session, HOUR) == {"unauthorized"}
    attempts = auths(emulator) / (2 if status == 400 else 1)  # both forms of the body
    assert 12 <= attempts <= 30
    assert {request.path for request in emulator.requests} == {"/auth"}
    assert names(logs) == ["credential_refused"]
    assert session.keeper.status().valid is False
    assert session.usage.reading().up is False
    assert "CANARY" not in str(logs)


async def test_while_the_gate_is_closed_questions_fail_without_traffic(
    opened: Opening, emulator: Emulator
) -> None:
    session = opened(source=lambda: WRONG)
    for _ in range(50):
        with pytest.raises(Unauthorized):
            await session.flatfile.account()
    assert auths(emulator) == 1


async def test_a_changed_credential_is_tried_at_once(opened: Opening, emulator: Emulator) -> None:
    source = Source(WRONG)
    session = opened(source=source)
    assert await poll(session, HOUR) == {"unauthorized"}
    source.value = PAIR
    before = auths(emulator)
    with capture_logs() as logs:
        await session.flatfile.account()
    assert auths(emulator) == before + 1
    assert names(logs) == ["credential_accepted"]
    assert session.keeper.status().valid is True


async def test_a_credential_that_becomes_right_is_noticed_within_five_minutes(
    session: Session, emulator: Emulator
) -> None:
    emulator.credentials.refused = True
    assert await poll(session, HOUR) == {"unauthorized"}
    emulator.credentials.refused = False
    await poll(session, 301.0)
    assert session.keeper.status().valid is True
    assert await poll(session, 10.0) == set()


async def test_a_changed_pair_replaces_the_token_by_the_timer(
    opened: Opening, emulator: Emulator
) -> None:
    source = Source(PAIR)
    session = opened(source=source)
    job = asyncio.create_task(session.keeper.keep())
    await session.flatfile.account()
    emulator.credentials.secret = "another"
    source.value = ClientPair(CLIENT_ID, "another")
    await asyncio.sleep(20.0)
    job.cancel()
    assert session.keeper.status().refreshes == 2


async def test_an_unreadable_credential_is_said_once_and_the_old_token_serves_on(
    opened: Opening, emulator: Emulator
) -> None:
    emulator.quirks.token_lifetime = 2 * HOUR
    source = Source(PAIR)
    session = opened(source=source)
    job = asyncio.create_task(session.keeper.keep())
    await session.flatfile.account()
    source.value = None
    with capture_logs() as logs:
        assert await poll(session, 1.8 * HOUR, every=600.0) == set()
        assert session.keeper.status().valid is False
        source.value = PAIR
        await asyncio.sleep(20.0)
    job.cancel()
    assert names(logs) == ["credential_unreadable", "credential_readable"]
    assert session.keeper.status().valid is True
    assert auths(emulator) == 2


async def test_without_a_readable_credential_nothing_is_asked(
    opened: Opening, emulator: Emulator
) -> None:
    session = opened(source=Source(None))
    assert await poll(session, 60.0) == {"unauthorized"}
    assert not emulator.requests


async def test_a_personal_token_is_used_as_it_is(opened: Opening, emulator: Emulator) -> None:
    session = opened(source=lambda: PersonalToken(PAT))
    await session.flatfile.account()
    status = session.keeper.status()
    assert auths(emulator) == 0
    assert (status.kind, status.valid, status.expires_at) == ("personal_token", True, None)


async def test_a_refused_personal_token_sends_one_probe_in_each_pause(
    opened: Opening, emulator: Emulator
) -> None:
    session = opened(source=lambda: PersonalToken(PAT))
    emulator.credentials.refused = True
    with capture_logs() as logs:
        reasons = await asyncio.gather(*(poll(session, HOUR) for _ in range(5)))
    assert reasons == [{"unauthorized"}] * 5
    assert names(logs) == ["credential_refused"]
    assert len(emulator.requests) <= 5 + 30  # five at once at first, then the probes
    emulator.credentials.refused = False
    await poll(session, 301.0)
    assert session.keeper.status().valid is True
    assert await poll(session, 10.0) == set()


async def test_a_changed_personal_token_is_used_from_the_next_question_on(
    opened: Opening, emulator: Emulator
) -> None:
    source = Source(PersonalToken(PAT))
    session = opened(source=source)
    await session.flatfile.account()
    emulator.credentials.pat = "pat_another"
    source.value = PersonalToken("pat_another")
    await session.flatfile.account()
    assert [request.status for request in emulator.requests] == [200, 200]


async def test_a_personal_token_that_no_header_can_carry_is_refused_without_being_shown(
    opened: Opening, emulator: Emulator
) -> None:
    session = opened(source=lambda: PersonalToken("pat_CANARY\nX: y"))
    with pytest.raises(Unauthorized) as caught:
        await session.flatfile.account()
    assert "CANARY" not in str(caught.value)
    assert not emulator.requests


async def test_a_pair_whose_fresh_tokens_are_refused_is_not_minted_in_a_loop(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("status", route="/accounts/*", status=401))
    with capture_logs() as logs:
        assert await poll(session, HOUR) == {"unauthorized"}
    assert auths(emulator) <= 35
    assert names(logs) == ["credential_refused"]
    emulator.faults.clear()
    await poll(session, 301.0)
    assert session.keeper.status().valid is True


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("form", ["iso", "rfc1123", "missing", "garbage"])
@pytest.mark.parametrize("span", ["string", "int", "missing"])
async def test_every_form_of_the_answer_gives_a_token_and_no_question_fails(
    session: Session, emulator: Emulator, wrapped: bool, form: Any, span: Any
) -> None:
    emulator.quirks.auth_wrapped = wrapped
    emulator.quirks.expires_form = form
    emulator.quirks.expires_in_form = span
    emulator.quirks.token_lifetime = 2400.0
    job = asyncio.create_task(session.keeper.keep())
    assert await poll(session, 1.5 * HOUR, every=100.0) == set()
    job.cancel()
    told = form in {"iso", "rfc1123"} or span != "missing"
    # Untold, a day is assumed, and the 401 of the expired token is what renews it.
    assert sum(request.status == 401 for request in emulator.requests) == (0 if told else 2)
    assert session.keeper.status().refreshes == 3


async def test_the_form_of_the_sdk_is_tried_after_that_of_the_docs_and_remembered(
    session: Session, emulator: Emulator
) -> None:
    emulator.quirks.auth_requires_type = True
    await session.flatfile.account()
    assert [request.status for request in emulator.requests] == [400, 200, 200]
    emulator.credentials.revoke()
    await session.flatfile.account()
    assert [request.status for request in emulator.requests][3:] == [401, 200, 200]


async def test_a_login_that_is_no_api_is_malformed_and_slowed_down(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("html", route="/auth"))
    with pytest.raises(Malformed, match=r"api\.url"):
        await session.flatfile.account()
    assert await poll(session, HOUR) == {"malformed"}
    assert auths(emulator) <= 35
    assert session.usage.reading().up is False


async def test_a_login_that_fails_is_not_asked_by_every_question(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("status", route="/auth", status=502))
    results = await asyncio.gather(
        *(session.flatfile.users() for _ in range(10)), return_exceptions=True
    )
    assert {type(result) for result in results} == {ServerFailed}
    assert auths(emulator) <= 4


async def test_a_reload_keeps_the_token_of_the_same_api_and_credential(
    opened: Opening, emulator: Emulator
) -> None:
    first = opened()
    await first.flatfile.account()
    second = opened(before=first, timeout=5.0)
    await first.aclose()
    await second.flatfile.account()
    assert auths(emulator) == 1
    assert second.usage.reading().requests["/accounts/current", "GET", "200"] == 2


@pytest.mark.parametrize(
    "changes",
    [{"url": "http://flatfile.test/api"}, {"source": lambda: PersonalToken(PAT)}],
)
async def test_a_reload_with_another_api_or_credential_drops_the_token(
    opened: Opening, changes: dict[str, Any]
) -> None:
    first = opened()
    await first.flatfile.account()
    second = opened(before=first, **changes)
    assert second.keeper.status().expires_at is None
    await second.flatfile.account()
    assert second.keeper.status().valid is True


async def test_a_reload_while_a_token_is_minted_does_not_install_the_old_one(
    opened: Opening, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("latency", route="/auth", delay=2.0, count=1))
    first = opened()
    asking = asyncio.create_task(first.keeper.get())
    await asyncio.sleep(1.0)
    second = opened(before=first, source=lambda: PersonalToken(PAT))
    token = await asking
    assert token.value == PAT
    assert second.keeper.status().kind == "personal_token"


async def test_jitter_differs_from_one_exporter_to_the_next(
    opened: Opening, wall: Callable[[], float]
) -> None:
    sessions = [opened(rng=Random(seed)) for seed in range(5)]
    for session in sessions:
        await session.flatfile.account()
    assert wall() == pytest.approx(1_800_000_000.0)
    assert len({session.keeper.refresh_due() for session in sessions}) == 5


def test_credentials_do_not_show_what_they_hold() -> None:
    assert "CANARY" not in repr((ClientPair("CANARY", "CANARY"), PersonalToken("CANARY")))
    assert SECRET not in repr(PAIR)
