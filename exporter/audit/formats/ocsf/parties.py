"""Who did it and to what, in the objects of the schema (ocsf-schema 1.8.0, ``objects/``)."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from exporter.audit.actors import kind_of
from exporter.audit.formats.fields import actor, first, mapping, plain, present, text
from exporter.audit.record import ActorKind, Entry, Json

Object = dict[str, Json]

# `type_id` of the object `user`, with its caption or, for Other, our own word.
_USER_TYPES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        ActorKind.USER: (1, "User"),
        ActorKind.GUEST: (99, "Guest"),
        ActorKind.AGENT: (4, "Service"),
        ActorKind.API_KEY: (99, "API key"),
    }
)
_UNKNOWN = (0, "Unknown")
_EMAIL = re.compile(r"[a-zA-Z0-9!#$%&'*+-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+")
"""What the type ``email_t`` admits; an address beside it is left out rather than bent."""
# Ids in a context that are no things: who did it, whose account, which event came before.
_NO_RESOURCE = frozenset({"accountId", "actorId", "precedingEventId", "spaceId", "environmentId"})


def person(entry: Entry, who: Mapping[str, Json]) -> Object:
    """An object ``user``; empty where not even an id is known."""
    uid = text(who.get("id"))
    if uid is None:
        return {}
    type_id, caption = _USER_TYPES.get(str(who.get("kind")), _UNKNOWN)
    name, address = plain(entry, who.get("name")), plain(entry, who.get("email"))
    return present(
        uid=uid,
        name=name or text(who.get("label")),
        full_name=name,
        email_addr=address if address and _EMAIL.fullmatch(address) else None,
        type_id=type_id,
        type=caption,
    )


def actor_of(entry: Entry) -> Object:
    """An object ``actor``; empty where the record names nobody."""
    return present(user=person(entry, actor(entry)))


def account_of(record: Mapping[str, Json]) -> str | None:
    """The id of the Flatfile account."""
    return text(mapping(record.get("context")).get("accountId"))


def guest_of(entry: Entry) -> Object:
    """Whom ``space:guestAdded`` is about: which guest that is, is not documented to be said.

    Then the user is given by the account alone, as the schema allows.
    """
    record = entry.record
    context, payload = mapping(record.get("context")), mapping(record.get("payload"))
    account = account_of(record)
    uid = first(payload.get("guestId"), context.get("guestId"))
    if uid is None and account is None:
        return {}
    type_id, caption = _USER_TYPES[ActorKind.GUEST]
    return present(uid=uid, account=present(uid=account), type_id=type_id, type=caption)


def place(record: Mapping[str, Json], name: str) -> Object:
    """The environment or Space that a record names: ``{uid, name}``; empty where it names none."""
    here = mapping(record.get(name))
    payload, context = mapping(record.get("payload")), mapping(record.get("context"))
    uid = first(here.get("id"), context.get(f"{name}Id"), payload.get(f"{name}Id"))
    return present(uid=uid, name=text(here.get("name"))) if uid else {}


def agent_of(record: Mapping[str, Json]) -> Object:
    """The agent that was deployed or removed, as an object ``product``; empty if none is named."""
    payload, context = mapping(record.get("payload")), mapping(record.get("context"))
    detail, origin = mapping(record.get("detail")), mapping(record.get("origin"))
    # Documented in the payload only; the others are guesses (API notes, section 7).
    places = (payload.get("agentId"), detail.get("id"), context.get("agentId"))
    guesses = (origin.get("id"), context.get("entityId"))
    uid = next((u for p in (*places, *guesses) if (u := text(p)) and _is_agent(u)), None)
    if uid is None:
        return {}
    slug = first(detail.get("label"), origin.get("slug") if origin.get("id") == uid else None)
    return present(uid=uid, name=slug)


def _is_agent(uid: str) -> bool:
    return kind_of(uid) is ActorKind.AGENT


def resources(record: Mapping[str, Json]) -> list[Object]:
    """Whatever the event names, as objects ``resource_details``, the outermost first."""
    found = [
        {**thing, "type": name}
        for name in ("environment", "space")
        if (thing := place(record, name))
    ]
    return [*found, *_named(mapping(record.get("context")))]


def _named(context: Mapping[str, Json]) -> Iterator[Object]:
    for name in sorted(context):
        uid = text(context[name])
        if uid and name.endswith("Id") and name not in _NO_RESOURCE:
            yield {"uid": uid, "type": name.removesuffix("Id")}
