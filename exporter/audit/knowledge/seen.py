"""Things of the API as they are noted: people by commitments, all others by a name or a slug."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial

from exporter.audit import people
from exporter.audit.excerpt import text
from exporter.audit.knowledge.versions import Basis, Seen, Thing
from exporter.audit.select import words
from exporter.flatfile.models import Agent, Environment, Guest, Space, User

Commit = Callable[[str, str], str | None]
"""Person's id and value to the commitment; None if there is none."""


def persons(
    connection: sqlite3.Connection, found: Sequence[User | Guest], *, keep_plain: bool
) -> list[Seen]:
    """A listing of people. Most are as they were in the one before, and cost no statement each."""
    ids = json.dumps([text(one.id) for one in found])
    keys: dict[str, bytes] = dict(
        connection.execute(
            "SELECT id, key FROM person WHERE key IS NOT NULL"
            " AND id IN (SELECT value FROM json_each(?))",
            (ids,),
        )
    )
    standing = {
        commitment
        for (commitment,) in connection.execute(
            "SELECT commitment FROM commitment WHERE (plain IS NOT NULL) = ?"
            " AND person_id IN (SELECT value FROM json_each(?))",
            (keep_plain, ids),
        )
    }

    def commit(id_: str, value: str) -> str | None:
        if id_ in keys:
            made = people.commit(keys[id_], people.told(value))
            if made in standing:
                return made
        return people.commitment(connection, id_, value, keep_plain=keep_plain)

    return [_person(one, commit, Basis.LISTING) for one in found]


def person(connection: sqlite3.Connection, found: User | Guest, *, keep_plain: bool) -> Seen:
    """Somebody who was looked up. ``keep_plain`` keeps name and address beside the log."""
    commit = partial(_commit, connection, keep_plain)
    return _person(found, commit, Basis.LOOKUP)


def agent(found: Agent, environment_id: str, basis: Basis = Basis.LISTING) -> Seen:
    """``updatedAt`` moves with each deploy (API notes, section 7)."""
    return Seen(
        kind=Thing.AGENT,
        id=text(found.id),
        scope=text(environment_id),
        label=words(found.slug),
        stamp=found.updated_at,
        unchanged=found.updated_at,
        basis=basis,
    )


def environment(found: Environment, basis: Basis = Basis.LISTING) -> Seen:
    return Seen(kind=Thing.ENVIRONMENT, id=text(found.id), label=words(found.name), basis=basis)


def space(found: Space, basis: Basis = Basis.LISTING) -> Seen:
    return Seen(
        kind=Thing.SPACE,
        id=text(found.id),
        scope=text(found.environment_id or ""),
        label=words(found.name),
        basis=basis,
    )


def _commit(connection: sqlite3.Connection, keep_plain: bool, id_: str, value: str) -> str | None:
    return people.commitment(connection, id_, value, keep_plain=keep_plain)


def _person(found: User | Guest, commit: Commit, basis: Basis) -> Seen:
    """Name and address may have held since ``updatedAt``.

    It moves for other reasons, too; that only shortens the time for which they are known.
    """
    id_ = text(found.id)
    name = commit(id_, found.name) if found.name else None
    email = commit(id_, found.email) if found.email else None
    erased = (found.name or found.email) and name is None and email is None
    return Seen(
        kind=Thing.GUEST if isinstance(found, Guest) else Thing.USER,
        id=id_,
        scope=text(found.environment_id) if isinstance(found, Guest) else "",
        name=name,
        email=email,
        unchanged=found.updated_at,
        basis=Basis.ERASED if erased else basis,
    )
