"""An access token, and what the answer of ``POST /auth`` says about how long it lives."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from exporter.errors import Malformed
from exporter.flatfile.credential import sendable

DAY = 86400.0
"""Seconds. What the documentation promises (API notes, section 3.1)."""

_LONGEST = 31 * DAY  # a longer life is a mistake in units, or a clock that is badly wrong
_SHORTEST = 60.0  # seconds; a date nearer than this says more about our clock than about the token
_BRIEFEST = 1.0  # second; nobody means a token that is over before it can be used
_SLACK = 300.0  # seconds by which the date may lie past the span before the clocks must differ


@dataclass(frozen=True, slots=True)
class Token:
    """``expires_at`` (None: never) and ``minted_at`` are Unix seconds by our own clock."""

    value: str = field(repr=False)
    expires_at: float | None
    minted_at: float

    def lives(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatus:
    """For the metrics ``flatfile_token_…``; points in time are Unix seconds.

    ``valid`` is None before the first use, False from a refusal until the next acceptance.
    """

    kind: Literal["client_pair", "personal_token"] | None
    valid: bool | None
    expires_at: float | None
    last_refresh: float | None
    refreshes: int
    failures: int


def granted(body: bytes, now: float) -> Token:
    """The token in an answer of ``POST /auth``, wrapped in ``data`` or not; raises Malformed.

    The sources disagree about the envelope and about the form of ``expires`` (API notes,
    section 3.2); a wrong guess about the latter costs a refresh, never an outage.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise _malformed("something that is not JSON") from None
    if not isinstance(answer, dict):
        raise _malformed("JSON that is not an object")
    inner = answer.get("data")
    grant: Mapping[str, Any] = inner if isinstance(inner, dict) else answer
    value = grant.get("accessToken")
    if not isinstance(value, str) or not sendable(value):
        raise _malformed("no usable accessToken")
    return Token(value, now + _lifetime(grant, now), now)


def _malformed(what: str) -> Malformed:
    return Malformed(f"POST /auth answered with {what}; check that api.url is Flatfile's API")


def _lifetime(grant: Mapping[str, Any], now: float) -> float:
    """Seconds. The date if it is believable, else the span, else a day.

    A span needs no agreement of clocks: a date beyond it, or in the past, means that ours and
    theirs differ.
    """
    date = _date(grant.get("expires"))
    span = _number(grant.get("expiresIn"))
    by_span = span if span is not None and _BRIEFEST <= span <= _LONGEST else None
    latest = _LONGEST if by_span is None else by_span + _SLACK
    if date is not None and _SHORTEST <= date - now <= latest:
        return date - now
    return DAY if by_span is None else by_span


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)  # NaN and infinity fail the comparisons above
    except (ValueError, OverflowError):
        return None


def _date(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue  # the library's parsers promise ValueError only, and raise the others too
    return None
