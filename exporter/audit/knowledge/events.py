"""What events themselves tell: names of Spaces and environments, and what was done to agents."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from exporter.audit.actors import kind_of
from exporter.audit.excerpt import text
from exporter.audit.knowledge import deeds, names
from exporter.audit.knowledge.memory import Memory
from exporter.audit.knowledge.versions import Basis, Seen, Thing
from exporter.audit.record import ActorKind, Json
from exporter.audit.select import identity, of_a_thing, words

TELLING = ("space:", "environment:", "agent:")
"""How the topics begin that tell something (API notes, section 9.3)."""

Object = Mapping[str, Json]


def note(
    connection: sqlite3.Connection,
    memory: Memory,
    topic: str,
    raw: Mapping[str, Any],
    context: Object,
    payload: Object,
    at: float,
    *,
    now: float,
) -> None:
    """One event at a time (Unix seconds). ``context`` and ``payload`` are what is kept of them."""
    environment_id = payload.get("environmentId") or context.get("environmentId") or ""
    label = payload.get("name") or _renamed(raw.get("payload"))
    if topic.startswith("agent:"):
        deeds.note(connection, environment_id, _agent(raw, context, payload), text(topic), at)
        return
    if topic == deeds.CREATED:
        deeds.note(connection, environment_id, "", topic, at)
    if not label or not of_a_thing(topic):
        return
    of_space = topic.startswith("space:")
    space_id = context.get("spaceId") or payload.get("spaceId") or ""
    seen = Seen(
        kind=Thing.SPACE if of_space else Thing.ENVIRONMENT,
        id=space_id if of_space else environment_id,
        scope=environment_id if of_space else "",
        label=label,
        basis=Basis.EVENT,
    )
    if seen.id:
        (memory.spaces if of_space else memory.environments).pop(seen.id, None)
        names.tell(connection, seen, at=at, now=now)
        memory.keep(connection)


def _renamed(payload: object) -> str | None:
    """The new name, where the payload tells of changes with their values."""
    changes = payload.get("changes") if isinstance(payload, Mapping) else None
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, Mapping) and change.get("field") == "name":
            return words(change.get("newValue"))
    return None


def _agent(raw: Mapping[str, Any], context: Object, payload: Object) -> str:
    """The agent's id: documented in the payload, guessed at elsewhere (API notes, section 7)."""
    origin = raw.get("origin")
    said = origin.get("id") if isinstance(origin, Mapping) else None
    for found in (payload.get("agentId"), context.get("agentId"), said, context.get("entityId")):
        id_ = identity(found)
        if id_ and kind_of(id_) is ActorKind.AGENT:
            return id_
    return ""
