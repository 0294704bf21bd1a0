"""Tokens: minted, accepted, expired, revoked; and how little is certain about the answer."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator
from exporter.emulator.credentials import CLIENT_ID, SECRET

GOOD = {"clientId": CLIENT_ID, "secret": SECRET}


async def _mint(client: httpx.AsyncClient, **extra: str) -> httpx.Response:
    return await client.post("/auth", json=GOOD | extra)


async def _ask(client: httpx.AsyncClient, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await client.get("/accounts/current", headers=headers)).status_code


async def test_a_minted_token_is_accepted_until_it_expires(
    client: httpx.AsyncClient, clock: Any
) -> None:
    answer = (await _mint(client)).json()
    assert "CANARY-TOKEN-" in answer["accessToken"]
    assert answer["expiresIn"] == "86400"
    assert await _ask(client, answer["accessToken"]) == 200
    clock.now += 86_399
    assert await _ask(client, answer["accessToken"]) == 200
    clock.now += 1
    assert await _ask(client, answer["accessToken"]) == 401


async def test_a_revoked_token_is_refused_and_a_new_one_is_not(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    old = (await _mint(client)).json()["accessToken"]
    assert emulator.credentials.revoke() == 1
    assert await _ask(client, old) == 401
    assert await _ask(client, (await _mint(client)).json()["accessToken"]) == 200


async def test_nobody_and_a_stranger_are_refused(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    assert (await client.get("/users")).status_code == 401
    assert await _ask(client, "eyJstranger") == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"clientId": CLIENT_ID, "secret": "wrong"}, 401),
        ({"clientId": CLIENT_ID}, 400),
        (GOOD | {"type": "userCredentials"}, 400),
        ([], 400),
    ],
)
async def test_wrong_credentials_are_refused(
    client: httpx.AsyncClient, body: Any, status: int
) -> None:
    assert (await client.post("/auth", json=body)).status_code == status


async def test_a_refused_credential_shuts_the_personal_token_out_too(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.credentials.refused = True
    assert (await _mint(client)).status_code == 401
    assert (await client.get("/users")).status_code == 401


async def test_the_answer_may_be_wrapped(client: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.quirks.auth_wrapped = True
    assert "accessToken" in (await _mint(client)).json()["data"]


async def test_expires_comes_in_all_described_forms(
    client: httpx.AsyncClient, emulator: Emulator, clock: Any
) -> None:
    due = datetime.fromtimestamp(clock.now + 86_400, UTC)
    emulator.quirks.expires_form = "iso"
    assert datetime.fromisoformat((await _mint(client)).json()["expires"]) == due
    emulator.quirks.expires_form = "rfc1123"
    assert parsedate_to_datetime((await _mint(client)).json()["expires"]) == due
    emulator.quirks.set({"expires_form": "missing", "expires_in_form": "int"})
    answer = (await _mint(client)).json()
    assert "expires" not in answer
    assert answer["expiresIn"] == 86_400


async def test_the_discriminator_of_the_sdk_may_be_wanted_or_unwanted(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.quirks.auth_requires_type = True
    assert (await _mint(client)).status_code == 400
    assert (await _mint(client, type="apiCredentials")).status_code == 200
    emulator.quirks.set({"auth_requires_type": False, "auth_refuses_type": True})
    assert (await _mint(client, type="apiCredentials")).status_code == 400
    assert (await _mint(client)).status_code == 200
