"""Getting things out of the tables into memory, in the form that records have them."""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial

from exporter.audit import people
from exporter.audit.actors import PEOPLE, kind_of
from exporter.audit.canonical import Said
from exporter.audit.knowledge import versions
from exporter.audit.knowledge.memory import Fields, Known, Memory
from exporter.audit.knowledge.versions import Basis, Thing, Version
from exporter.audit.record import ActorKind
from exporter.audit.store.times import iso

THINGS = {
    ActorKind.USER: Thing.USER,
    ActorKind.GUEST: Thing.GUEST,
    ActorKind.AGENT: Thing.AGENT,
}
"""The kinds of actors that can be known. Of an API key there is nothing that may be asked for:
the one endpoint that lists them shows the keys themselves (API notes, section 9.2)."""


def actor(connection: sqlite3.Connection, memory: Memory, id_: str) -> Known:
    """See :mod:`exporter.audit.joining` for the fields."""
    actors(connection, memory, (id_,))
    return memory.actors[id_]


def environment(connection: sqlite3.Connection, memory: Memory, id_: str) -> Known:
    """``{id, name}``."""
    environments(connection, memory, (id_,))
    return memory.environments[id_]


def space(connection: sqlite3.Connection, memory: Memory, id_: str) -> Known:
    """``{id, name}``."""
    spaces(connection, memory, (id_,))
    return memory.spaces[id_]


def actors(connection: sqlite3.Connection, memory: Memory, ids: Iterable[str]) -> None:
    """Have all of these in memory, by one statement for each kind."""
    by_kind: dict[ActorKind, list[str]] = {}
    for id_ in ids:
        if id_ not in memory.actors:
            by_kind.setdefault(kind_of(id_), []).append(id_)
    for kind, those in by_kind.items():
        thing = THINGS.get(kind)
        found = versions.histories(connection, thing, those) if thing else {}
        gone = people.erased(connection, those) if kind in PEOPLE else frozenset()
        for id_ in those:
            memory.actors[id_] = _actor(id_, kind, found.get(id_, ()), erased=id_ in gone)


def environments(connection: sqlite3.Connection, memory: Memory, ids: Iterable[str]) -> None:
    """Likewise."""
    _name(connection, Thing.ENVIRONMENT, memory.environments, ids)


def spaces(connection: sqlite3.Connection, memory: Memory, ids: Iterable[str]) -> None:
    """Likewise."""
    _name(connection, Thing.SPACE, memory.spaces, ids)


def _name(
    connection: sqlite3.Connection, thing: Thing, into: dict[str, Known], ids: Iterable[str]
) -> None:
    missing = [id_ for id_ in ids if id_ not in into]
    if missing:
        found = versions.histories(connection, thing, missing)
        into.update((id_, _named(id_, found.get(id_, ()))) for id_ in missing)


def _named(id_: str, history: Sequence[Version]) -> Known:
    def build(version: Version, _: bool) -> Fields:
        return Said({"id": id_, "name": version.label})

    return Known(history, build, Said({"id": id_, "name": None}))


def _actor(id_: str, kind: ActorKind, history: Sequence[Version], *, erased: bool) -> Known:
    nothing = _nobody(id_, kind)
    build = partial(_somebody, id_, kind)
    if erased:
        return Known((), build, Said({**nothing, "basis": Basis.ERASED.value}))
    return Known(history, build, nothing, None if history else kind)


def _nobody(id_: str, kind: ActorKind) -> Fields:
    return Said(
        {
            "id": id_,
            "kind": kind.value,
            "name": None,
            "email": None,
            "label": None,
            "basis": None,
            "as_of": None,
            "then": None,
        }
    )


def _somebody(id_: str, kind: ActorKind, version: Version, then: bool) -> Fields:
    return Said(
        {
            "id": id_,
            "kind": kind.value,
            "name": version.name,
            "email": version.email,
            "label": version.label,
            "basis": version.basis,
            "as_of": iso(version.since),
            "then": then,
        }
    )
