"""Getting things out of the tables into memory, in the form that records have them."""

import sqlite3
from functools import partial

from exporter.audit import people
from exporter.audit.actors import PEOPLE, kind_of
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
    found = memory.actors.get(id_)
    if found is None:
        found = memory.actors[id_] = _actor(connection, id_)
    return found


def environment(connection: sqlite3.Connection, memory: Memory, id_: str) -> Known:
    """``{id, name}``."""
    found = memory.environments.get(id_)
    if found is None:
        found = memory.environments[id_] = _named(connection, Thing.ENVIRONMENT, id_)
    return found


def space(connection: sqlite3.Connection, memory: Memory, id_: str) -> Known:
    """``{id, name}``."""
    found = memory.spaces.get(id_)
    if found is None:
        found = memory.spaces[id_] = _named(connection, Thing.SPACE, id_)
    return found


def _named(connection: sqlite3.Connection, thing: Thing, id_: str) -> Known:
    def build(version: Version, _: bool) -> Fields:
        return {"id": id_, "name": version.label}

    return Known(versions.history(connection, thing, id_), build, {"id": id_, "name": None})


def _actor(connection: sqlite3.Connection, id_: str) -> Known:
    kind = kind_of(id_)
    nothing = _nobody(id_, kind)
    if kind not in THINGS:
        return Known((), partial(_somebody, id_, kind), nothing, kind)
    history = versions.history(connection, THINGS[kind], id_)
    if kind in PEOPLE and people.erased(connection, id_):
        erased = {**nothing, "basis": Basis.ERASED.value}
        return Known((), partial(_somebody, id_, kind), erased)
    return Known(history, partial(_somebody, id_, kind), nothing, None if history else kind)


def _nobody(id_: str, kind: ActorKind) -> Fields:
    return {
        "id": id_,
        "kind": kind.value,
        "name": None,
        "email": None,
        "label": None,
        "basis": None,
        "as_of": None,
        "then": None,
    }


def _somebody(id_: str, kind: ActorKind, version: Version, then: bool) -> Fields:
    return {
        "id": id_,
        "kind": kind.value,
        "name": version.name,
        "email": version.email,
        "label": version.label,
        "basis": version.basis,
        "as_of": iso(version.since),
        "then": then,
    }
