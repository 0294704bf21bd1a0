"""What an account holds. Times are Unix seconds; names follow the API notes, sections 5 to 9."""

from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Environment:
    id: str
    name: str
    is_prod: bool
    created_at: float  # not on the wire: environments have no createdAt (section 5)


@dataclass(frozen=True, slots=True)
class Space:
    id: str
    environment_id: str
    name: str
    created_at: float
    updated_at: float
    created_by: str | None
    app_id: str | None
    archived_at: float | None = None
    expired_at: float | None = None
    last_activity_at: float | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    environment_id: str
    slug: str
    topics: tuple[str, ...]
    is_system: bool
    created_at: float
    updated_at: float
    version: int = 1


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    email: str
    created_at: float
    updated_at: float
    last_seen_at: float | None


@dataclass(frozen=True, slots=True)
class Guest:
    id: str
    environment_id: str
    space_ids: tuple[str, ...]
    name: str
    email: str
    created_at: float
    updated_at: float


class Event(NamedTuple):
    """A tuple, because an hour of them has to be made within milliseconds.

    `subject` is the id of the thing the topic speaks of (a job, a file, an agent); `acknowledged`
    says whether a listener of the environment has dealt with it.
    """

    id: str
    topic: str
    at: float
    environment_id: str
    space_id: str | None
    actor_id: str | None
    subject: str
    acknowledged: bool
    payload: Any = None


class Execution(NamedTuple):
    """One run of an agent. `duration` is milliseconds, the rest Unix seconds."""

    event_id: str
    agent_id: str
    space_id: str | None
    topic: str
    success: bool
    at: float
    completed_at: float
    duration: int
