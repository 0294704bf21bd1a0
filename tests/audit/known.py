"""An audit store in memory and what happens to it, for the tests of the join."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from exporter.audit import joining
from exporter.audit.joining import Options
from exporter.audit.knowledge.memory import Memory
from exporter.audit.record import Draft
from exporter.audit.store import chain
from exporter.audit.store.schema import migrate
from exporter.audit.store.times import iso
from exporter.flatfile.models import Agent, Environment, Guest, Space, User
from exporter.flatfile.raw import RawEvent

NOW = 1_800_000_000.0
MINUTE = 60.0
HOUR = 3600.0

ENV = "us_env_aaaaaaaa"
SPACE = "us_sp_aaaaaaaa"
USER = "us_usr_aaaaaaaa"
GUEST = "us_g_aaaaaaaa"
AGENT = "us_ag_aaaaaaaa"


def connect(database: str = ":memory:") -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None)
    migrate(connection)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class Undone(Exception):
    """What a test undoes a transaction with."""


@contextmanager
def undone(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A transaction that fails in the end."""
    with suppress(Undone), transaction(connection):
        yield connection
        raise Undone


@dataclass
class Log:
    """A store with the memory that belongs to it."""

    connection: sqlite3.Connection = field(default_factory=connect)
    memory: Memory = field(default_factory=Memory)
    options: Options = field(default_factory=Options)

    def join(
        self, *batch: RawEvent, late_before: float | None = None, now: float = NOW
    ) -> list[Draft]:
        """Within the caller's transaction."""
        return list(
            joining.drafts(
                self.connection,
                batch,
                late_before=late_before,
                source="feed",
                now=now,
                options=self.options,
                memory=self.memory,
            )
        )

    def drafts(
        self, *batch: RawEvent, late_before: float | None = None, now: float = NOW
    ) -> list[Draft]:
        """Of a batch, in a transaction that also appends them."""
        with transaction(self.connection):
            made = self.join(*batch, late_before=late_before, now=now)
            chain.append(self.connection, made, now=now)
        return made

    def actor(self, actor_id: str, at: float = NOW) -> Mapping[str, Any]:
        """As the record of an event at that time gives the actor."""
        (draft,) = self.drafts(event(at=at, actor_id=actor_id))
        return dict(draft.fields["actor"])


_made = iter(range(10**9))


def event(
    topic: str = "job:ready",
    *,
    at: float = NOW,
    actor_id: str | None = None,
    space_id: str | None = None,
    environment_id: str | None = ENV,
    payload: Mapping[str, Any] | None = None,
    **raw: Any,
) -> RawEvent:
    """A new one. ``raw`` are further fields of it."""
    id_ = f"us_evt_{next(_made):016d}"
    named = {"actorId": actor_id, "spaceId": space_id, "environmentId": environment_id}
    context = {key: value for key, value in named.items() if value is not None}
    whole = {"id": id_, "topic": topic, "context": context, "payload": payload or {}, **raw}
    return RawEvent(id=id_, topic=topic, created_at=at, raw=whole)


def user(
    id_: str = USER, name: str = "Ada", email: str = "ada@x.example", updated: float | None = None
) -> User:
    """As it is decoded; ``updated`` is Unix seconds."""
    return _USER.validate_python({"id": id_, "name": name, "email": email, **_updated(updated)})


def guest(
    id_: str = GUEST, name: str = "Bo", environment_id: str = ENV, updated: float | None = None
) -> Guest:
    known = {"id": id_, "environmentId": environment_id, "name": name, "email": "bo@x.example"}
    return _GUEST.validate_python({**known, **_updated(updated)})


def agent(id_: str = AGENT, slug: str = "default", updated: float = NOW - HOUR) -> Agent:
    times = {"createdAt": iso(NOW - 2 * HOUR), **_updated(updated)}
    return _AGENT.validate_python({"id": id_, "slug": slug, **times})


def environment(name: str, id_: str = ENV) -> Environment:
    return _ENVIRONMENT.validate_python({"id": id_, "name": name})


def space(name: str, id_: str = SPACE, environment_id: str | None = ENV) -> Space:
    return _SPACE.validate_python({"id": id_, "name": name, "environmentId": environment_id})


def _updated(at: float | None) -> dict[str, str]:
    return {} if at is None else {"updatedAt": iso(at)}


_USER, _GUEST, _AGENT = TypeAdapter(User), TypeAdapter(Guest), TypeAdapter(Agent)
_ENVIRONMENT, _SPACE = TypeAdapter(Environment), TypeAdapter(Space)
