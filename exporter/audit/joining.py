"""Events as drafts of records: what may be kept of them, and who and where, as of the event.

An actor is given as ``{id, kind, name, email, label, basis, as_of, then}``:

=========  =========================================================================================
name       of a user or a guest: a commitment, see :mod:`exporter.audit.people`
email      likewise
label      the slug of an agent
basis      where the knowledge came from: ``listing``, ``lookup``; ``erased`` where a person's key
           was destroyed; null where nothing is known but the id
as_of      since when it is known, ISO 8601
then       whether it held at the time of the event, as far as is known; else it is the earliest
           that is known of later, or the last that is known of what has vanished
=========  =========================================================================================

``raw`` is null for an event that has no canonical form.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.audit import select
from exporter.audit.canonical import Said, canonical, digest
from exporter.audit.excerpt import text
from exporter.audit.knowledge import events, loading
from exporter.audit.knowledge.memory import Memory
from exporter.audit.record import EVENT, Draft, Json
from exporter.flatfile.raw import RawEvent

_LONGEST_TOPIC = 200  # characters; the longest documented one has 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``payload_fields`` are kept besides the allow-list: see :mod:`exporter.audit.select`."""

    payload_fields: frozenset[str] = frozenset()


def drafts(
    connection: sqlite3.Connection,
    batch: Sequence[RawEvent],
    *,
    late_before: float | None,
    source: str,
    now: float,
    options: Options,
    memory: Memory,
) -> Iterator[Draft]:
    """A draft for each event, in their order, made as they are asked for.

    An event older than ``late_before`` (Unix seconds) is late. What events themselves tell of names
    and deploys is noted on the way. To be used up in the transaction in which they are appended.
    """
    if memory.begin(connection):
        _load(connection, memory, batch)
    late = float("-inf") if late_before is None else late_before
    further = options.payload_fields
    # A dict is asked before a function is: this is done for each of 20,000 events a second.
    actors, spaces, environments = memory.actors.get, memory.spaces.get, memory.environments.get
    for event in batch:
        raw, topic, at = event.raw, event.topic, event.created_at
        context = select.context(raw.get("context"))
        payload = select.payload(topic, raw.get("payload"), further)
        if further:  # and so whatever JSON can say
            payload = Said(payload)
        if topic.startswith(events.TELLING):
            events.note(connection, memory, topic, raw, context, payload, at, now=now)
        actor, unresolved = None, None
        if actor_id := context.get("actorId"):
            who = actors(actor_id) or loading.actor(connection, memory, actor_id)
            actor, unresolved = who.at(at), who.unresolved
        space, environment = None, None
        environment_id = context.get("environmentId") or payload.get("environmentId")
        if space_id := context.get("spaceId"):
            where = spaces(space_id) or loading.space(connection, memory, space_id)
            space = where.at(at)
            environment_id = environment_id or where.scope
        if environment_id:
            which = environments(environment_id)
            which = which or loading.environment(connection, memory, environment_id)
            environment = which.at(at)
        fields: dict[str, Json] = {
            "source": source,
            "actor": actor,
            "environment": environment,
            "space": space,
            "context": context,
            "payload": payload,
            "origin": select.origin(raw.get("origin")),
            "raw": _digest(raw),
            "detail": None,
        }
        yield Draft(
            text(event.id),
            EVENT,
            text(topic[:_LONGEST_TOPIC]),
            at,
            fields,
            at < late,
            unresolved,
        )


def _load(connection: sqlite3.Connection, memory: Memory, batch: Sequence[RawEvent]) -> None:
    """Have whom and what they name in memory: a statement for each would cost as much as a row."""
    contexts = [select.context(event.raw.get("context")) for event in batch]
    for load, name in (
        (loading.actors, "actorId"),
        (loading.spaces, "spaceId"),
        (loading.environments, "environmentId"),
    ):
        load(connection, memory, {context[name] for context in contexts if name in context})


def _digest(raw: Mapping[str, Any]) -> str | None:
    try:
        return digest(canonical(raw))
    except ValueError:  # nested too deep
        return None
