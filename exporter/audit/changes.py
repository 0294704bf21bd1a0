"""What became different between two whole listings, as records: the API has no event for it.

Each function here notes a listing in what is known, and gives the records that tell of it, to be
appended in the same transaction. Their ids follow from what they tell, so that one that is made
again after a kill is known already. Their time is that of the listing that showed the difference.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from exporter.audit.excerpt import text
from exporter.audit.knowledge import deeds, differences, listings, names, versions
from exporter.audit.knowledge.differences import Waiting
from exporter.audit.knowledge.listings import Difference, Verb
from exporter.audit.knowledge.seen import agent, environment, persons, space
from exporter.audit.knowledge.versions import Presence, Seen, Thing
from exporter.audit.record import Draft, Json, Kind, blank
from exporter.flatfile.models import Agent, Environment, Guest, Space, User

GRACE = 120.0
"""Seconds that an event has to account for a difference between two listings of agents."""

SETTLED = 60.0
"""Seconds that the feed has to be read beyond a difference: it leaves what is young for later."""

PATIENCE = 3_600.0
"""Seconds after which that is not waited for any more, though the feed has not got there."""

_PEOPLE = {Verb.APPEARED: "added", Verb.VANISHED: "removed", Verb.CHANGED: "changed"}
_AGENTS = {Verb.APPEARED: "deployed", Verb.VANISHED: "removed", Verb.CHANGED: "redeployed"}
_DEPLOYED = ("agent:created", "agent:updated")
_ACCOUNTED_BY: Mapping[str, tuple[str, ...]] = {
    "agent:deployed": _DEPLOYED,
    "agent:redeployed": _DEPLOYED,
    "agent:removed": ("agent:deleted",),
}
_FIELDS = {"name": "name", "email": "email", "label": "slug", "stamp": "updatedAt"}


def learn_users(
    connection: sqlite3.Connection, listed: Iterable[User], now: float, *, keep_plain: bool
) -> list[Draft]:
    """All users of the account. ``keep_plain`` keeps names and addresses beside the log."""
    seen = persons(connection, list(listed), keep_plain=keep_plain)
    return _people(connection, Thing.USER, [""], seen, now)


def learn_guests(
    connection: sqlite3.Connection,
    listed: Iterable[Guest],
    now: float,
    *,
    environment_ids: Collection[str],
    keep_plain: bool,
) -> list[Draft]:
    """All guests of these environments; those of others are passed over."""
    scopes = frozenset(map(text, environment_ids))
    mine = [guest for guest in listed if text(guest.environment_id) in scopes]
    seen = persons(connection, mine, keep_plain=keep_plain)
    return _people(connection, Thing.GUEST, scopes, seen, now)


def learn_agents(
    connection: sqlite3.Connection,
    environment_id: str,
    listed: Iterable[Agent],
    now: float,
    *,
    fed: float | None,
) -> list[Draft]:
    """All agents of one environment, system agents among them.

    A difference becomes a record if no event accounts for it by the next listing, and not before
    GRACE. ``fed`` is when the event feed was last read whole (Unix seconds); a difference waits
    until that is SETTLED after it was found, but not beyond PATIENCE.
    """
    environment_id = text(environment_id)
    seen = [agent(one, environment_id) for one in listed]
    found = listings.compare(connection, Thing.AGENT, [environment_id], seen, now, doubt=False)
    for difference in found:
        if not _taken_back(connection, difference):
            differences.add(connection, _waiting(environment_id, difference, now))
    drafts = []
    for waiting in differences.waiting(connection, environment_id, now - PATIENCE):
        if not _is_due(waiting, now, fed):
            continue
        differences.drop(connection, waiting.agent_id, waiting.topic, waiting.number)
        if not _accounted(connection, waiting):
            drafts.append(
                _draft(
                    connection,
                    topic=waiting.topic,
                    number=waiting.number,
                    environment_id=waiting.environment_id,
                    detail=waiting.detail,
                    at=waiting.found,
                )
            )
    deeds.prune(connection, environment_id, now)
    return drafts


def learn_environments(
    connection: sqlite3.Connection, listed: Iterable[Environment], now: float
) -> None:
    """Names of environments; of these there are events."""
    _names(connection, Thing.ENVIRONMENT, map(environment, listed), now)


def learn_spaces(connection: sqlite3.Connection, listed: Iterable[Space], now: float) -> None:
    """Names of any Spaces; of these there are events."""
    _names(connection, Thing.SPACE, map(space, listed), now)


def _people(
    connection: sqlite3.Connection,
    kind: Thing,
    scopes: Collection[str],
    seen: Iterable[Seen],
    now: float,
) -> list[Draft]:
    return [
        _draft(
            connection,
            topic=f"{kind.value}:{_PEOPLE[difference.verb]}",
            number=difference.number,
            environment_id=difference.thing.scope,
            detail=_detail(difference),
            at=now,
        )
        for difference in listings.compare(connection, kind, scopes, seen, now)
    ]


def _names(connection: sqlite3.Connection, kind: Thing, seen: Iterable[Seen], now: float) -> None:
    known = names.listed(connection, kind)
    for one in seen:
        label, scope = known.get(one.id, (None, ""))
        same = label == one.label and (scope == one.scope or not one.scope)
        if one.id not in known or not same:
            names.tell(connection, one, at=now, now=now, presence=Presence.YES)


def _taken_back(connection: sqlite3.Connection, difference: Difference) -> bool:
    """Whether an agent is there again as if nothing had been: one listing was wrong."""
    if difference.verb is not Verb.APPEARED or difference.seen is None:
        return False
    before = versions.history(connection, Thing.AGENT, difference.seen.id)[:-1]
    if not before or not before[-1].shows(difference.seen):
        return False
    return differences.drop(connection, difference.seen.id, "agent:removed", before[-1].number)


def _waiting(environment_id: str, difference: Difference, now: float) -> Waiting:
    return Waiting(
        environment_id=environment_id,
        agent_id=difference.thing.id,
        topic=f"agent:{_AGENTS[difference.verb]}",
        number=difference.number,
        after=difference.listed_at,
        found=now,
        detail=_detail(difference),
    )


def _is_due(waiting: Waiting, now: float, fed: float | None) -> bool:
    age = now - waiting.found
    return age >= PATIENCE or (age >= GRACE and fed is not None and fed >= waiting.found + SETTLED)


def _accounted(connection: sqlite3.Connection, waiting: Waiting) -> bool:
    return deeds.accounted(
        connection,
        waiting.environment_id,
        waiting.agent_id,
        _ACCOUNTED_BY[waiting.topic],
        after=waiting.after,
        until=waiting.found,
    )


def _detail(difference: Difference) -> dict[str, Json]:
    """``fields`` are those that changed; ``before`` is how a thing was that changed."""
    thing, before = difference.thing, difference.before
    changed = difference.verb is Verb.CHANGED and before is not None
    return {
        "id": thing.id,
        "kind": str(thing.kind),
        "fields": [
            field
            for attribute, field in _FIELDS.items()
            if changed and getattr(thing, attribute) != getattr(before, attribute)
        ],
        "name": thing.name,
        "email": thing.email,
        "label": thing.label,
        "before": {"name": before.name, "email": before.email, "label": before.label}
        if changed and before is not None
        else None,
    }


def _draft(
    connection: sqlite3.Connection,
    *,
    topic: str,
    number: int,
    environment_id: str,
    detail: Mapping[str, Json],
    at: float,
) -> Draft:
    kind, _, verb = topic.partition(":")
    environment = {
        "id": environment_id,
        "name": names.newest(connection, Thing.ENVIRONMENT, environment_id),
    }
    return Draft(
        uid=f"change/{kind}/{detail['id']}/{verb}/{number}",
        kind=Kind.CHANGE,
        topic=topic,
        at=at,
        fields=blank(
            source="listing",
            environment=environment if environment_id else None,
            detail=dict(detail),
        ),
    )
