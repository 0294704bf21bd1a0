"""What we keep of the API's answers: an allow-list of fields, frozen and small.

A field that is not named here is never stored, logged or shown. That is how the secrets which
the API puts into its listings (``accessToken`` and ``guestLink`` of a Space, ``source`` of an
agent: API notes, section 1.5) stay out of this process. Nothing is required that the
documentation breaks in its own examples (sections 5 to 9).

Points in time are Unix seconds.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

_CONFIG = ConfigDict(extra="ignore")
_ISO = "an ISO 8601 date-time"
_FIRST, _END = -62_135_596_800.0, 253_402_300_800.0  # the years 1 to 9999 in UTC


def instant(text: str) -> float:
    """Unix seconds of an ISO 8601 text; a text without an offset is UTC (API notes, section 4).

    Raises ValueError, also where it is before the year 1 or after 9999 in UTC: Python reads such a
    text (``0001-01-01T00:00:00+14:00``) and can never write it again.
    """
    moment = datetime.fromisoformat(text)
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not _FIRST <= at < _END:
        raise ValueError("there is no such year in UTC")
    return at


def _instant(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"not {_ISO}")  # noqa: TRY004 - pydantic turns ValueError into a message
    return instant(value)


def _optional_instant(value: object) -> object:
    return None if value is None or value == "" else _instant(value)


Identity = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Instant = Annotated[float, BeforeValidator(_instant)]
OptionalInstant = Annotated[float | None, BeforeValidator(_optional_instant)]


def _environment_of(payload: object) -> str:
    """A payload is free, and may be anything."""
    found = payload.get("environmentId") if isinstance(payload, dict) else None
    return found if isinstance(found, str) else ""


def _falsy(value: object) -> object:
    return False if value is None else value


def _unsaid(value: object) -> object:
    return "" if value is None else value


Flag = Annotated[bool, BeforeValidator(_falsy)]
"""A boolean whose absence and whose null both mean false."""

Personal = Annotated[str, BeforeValidator(_unsaid)]
"""A name or an address of a person: in no log, metric, error or test output."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Account:
    """API notes, section 10."""

    id: Identity
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Environment:
    """API notes, section 5."""

    id: Identity
    name: str = ""
    production: Flag = Field(default=False, validation_alias="isProd")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Space:
    """API notes, section 6. ``environment_id`` is None where the server leaves it out."""

    id: Identity
    name: str = ""
    environment_id: str | None = Field(default=None, validation_alias="environmentId")
    archived_at: OptionalInstant = Field(default=None, validation_alias="archivedAt")
    expired_at: OptionalInstant = Field(default=None, validation_alias="expiredAt")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Agent:
    """API notes, section 7. ``source`` and ``sourceMap`` are dropped while decoding."""

    id: Identity
    created_at: Instant = Field(validation_alias="createdAt")
    updated_at: Instant = Field(validation_alias="updatedAt")
    slug: str | None = None
    compiler: str | None = None
    system: Flag = Field(default=False, validation_alias="isSystem")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class User:
    """API notes, section 8. Only the audit log uses the name and the e-mail address."""

    id: Identity
    name: Personal = Field(default="", repr=False)
    email: Personal = Field(default="", repr=False)
    updated_at: OptionalInstant = Field(default=None, validation_alias="updatedAt")
    last_seen_at: OptionalInstant = Field(default=None, validation_alias="lastSeenAt")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Guest:
    """API notes, section 8. Only the audit log uses the name and the e-mail address."""

    id: Identity
    environment_id: Identity = Field(validation_alias="environmentId")
    name: Personal = Field(default="", repr=False)
    email: Personal = Field(default="", repr=False)
    updated_at: OptionalInstant = Field(default=None, validation_alias="updatedAt")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Context:
    """Of an event. The schema requires an environment, the documented examples do not have it."""

    environment_id: str | None = Field(default=None, validation_alias="environmentId")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Event:
    """API notes, section 9.2: nothing but ``id``, ``topic`` and ``createdAt`` can be relied on."""

    id: Identity
    topic: str
    created_at: Instant = Field(validation_alias="createdAt")
    context: Context | None = None
    told: Annotated[str, BeforeValidator(_environment_of)] = Field(
        default="", validation_alias="payload"
    )
    """The environment that the payload names; its other fields are not kept."""

    @property
    def environment_id(self) -> str:
        """Empty where the event names none."""
        return (self.context and self.context.environment_id) or self.told


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Execution:
    """API notes, section 7. The item has no id of its own and does not name its agent."""

    event_id: Identity = Field(validation_alias="eventId")
    success: bool
    created_at: Instant = Field(validation_alias="createdAt")
    topic: str = ""
    completed_at: OptionalInstant = Field(default=None, validation_alias="completedAt")
