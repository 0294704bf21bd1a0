"""Every documented form of the answer of POST /auth."""

import json
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Malformed
from exporter.flatfile.token import DAY, Token, granted

NOW = 1_800_000_000.0


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def answer(**fields: Any) -> bytes:
    return json.dumps({"accessToken": "eyJ.CANARY", **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "lifetime"),
    [
        ({"expires": iso(NOW + 7200), "expiresIn": "7200"}, 7200),
        ({"expires": formatdate(NOW + 7200, usegmt=True), "expiresIn": 7200}, 7200),
        ({"expires": iso(NOW + 7200)}, 7200),
        ({"expires": "in a while", "expiresIn": "3600"}, 3600),
        ({"expiresIn": 3600}, 3600),
        ({"expires": None, "expiresIn": None}, DAY),
        ({}, DAY),
        ({"expires": iso(NOW - 3600), "expiresIn": "3600"}, 3600),  # our clock is ahead
        ({"expires": iso(NOW + 9 * 3600), "expiresIn": "3600"}, 3600),  # our clock is behind
        ({"expires": "9999-12-31T00:00:00Z"}, DAY),
        ({"expires": 7, "expiresIn": True}, DAY),
        ({"expiresIn": "-1"}, DAY),
        ({"expiresIn": "nan"}, DAY),
        ({"expiresIn": 10**400}, DAY),
        ({"expiresIn": 1e-9}, DAY),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_lifetime_is_found_in_every_form(
    fields: dict[str, Any], lifetime: float, wrapped: bool
) -> None:
    body = answer(**fields)
    token = granted(b'{"data":' + body + b"}" if wrapped else body, NOW)
    assert token == Token("eyJ.CANARY", NOW + lifetime, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"data":{}}',
        b'{"accessToken":7}',
        b'{"accessToken":""}',
        b'{"accessToken":"a b"}',
        b'{"accessToken":"a\\r\\nX-Evil: CANARY"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_an_answer_without_a_usable_token_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        granted(body, NOW)
    assert "CANARY" not in str(caught.value)


@given(st.binary(max_size=200))
def test_no_answer_raises_anything_but_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        granted(body, NOW)


def test_a_token_does_not_show_its_value() -> None:
    assert "CANARY" not in repr(Token("CANARY", None, NOW))
