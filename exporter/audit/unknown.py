"""Who and what a batch of events names that nothing is known of."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporter.audit.knowledge import asked, loading
from exporter.audit.knowledge.memory import Memory
from exporter.audit.knowledge.versions import Thing
from exporter.audit.select import identity
from exporter.flatfile.raw import RawEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``environment_id`` is where an agent is asked for."""

    kind: Thing
    id: str
    environment_id: str = ""


def questions(
    connection: sqlite3.Connection,
    batch: Sequence[RawEvent],
    *,
    now: float,
    limit: int,
    memory: Memory,
) -> list[Question]:
    """Who and what is unknown in a batch that is about to be appended, at most ``limit``.

    All that is known is in memory then.
    """
    memory.begin(connection)
    wanted = {
        (question.kind.value, question.id): question
        for question in _unknown(connection, batch, memory)
    }
    if asked.in_trouble(connection, now):
        return []
    waiting = asked.waiting(connection, wanted, now)
    return [question for key, question in wanted.items() if key not in waiting][:limit]


def _unknown(
    connection: sqlite3.Connection, batch: Sequence[RawEvent], memory: Memory
) -> Iterator[Question]:
    """What the events name that nothing is known of.

    Spaces first: their names are not amended in the records that stand.
    """
    contexts = [it for event in batch if isinstance(it := event.raw.get("context"), dict)]
    actors, spaces = _named(contexts, "actorId"), _named(contexts, "spaceId")
    loading.spaces(connection, memory, spaces)
    for id_ in spaces:
        if not memory.spaces[id_].known:
            yield Question(kind=Thing.SPACE, id=id_)
    loading.actors(connection, memory, actors)
    unknown = {id_: memory.actors[id_].unresolved for id_ in actors}
    things = {id_: loading.THINGS[kind] for id_, kind in unknown.items() if kind in loading.THINGS}
    homes = _homes(batch) if Thing.AGENT in things.values() else {}
    for id_, thing in things.items():
        home = homes.get(id_, "")
        if thing is not Thing.AGENT or home:
            yield Question(kind=thing, id=id_, environment_id=home)


def _named(contexts: Iterable[Mapping[str, object]], name: str) -> Sequence[str]:
    """The ids of that name, each once: a few hundred, of thousands of events."""
    values = [context.get(name) for context in contexts]
    try:
        found = dict.fromkeys(values)
    except TypeError:  # what cannot be the key of a dict is no id
        found = dict.fromkeys(map(identity, values))
    return [*dict.fromkeys(id_ for id_ in map(identity, found) if id_)]


def _homes(batch: Iterable[RawEvent]) -> Mapping[str, str]:
    """The environment in which each actor was seen, by the actor's id."""
    found = {}
    for event in batch:
        context, home = event.raw.get("context"), event.environment_id
        actor_id = identity(context.get("actorId")) if isinstance(context, dict) else None
        if actor_id and home:
            found[actor_id] = home
    return found
