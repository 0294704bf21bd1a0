"""A record as an event of OCSF 1.8.0: what all classes have, and what each needs.

=================  =================================================================================
attribute          where it comes from
=================  =================================================================================
time               ``time``, in milliseconds
metadata           ``uid``, ``sequence``; ``original_time`` is ``time`` as written, ``logged_time``
                   ``recorded``; ``event_code`` the topic, ``tenant_uid`` the account
actor.user         who did it: id, and name and address as far as they are known and kept
raw_data_hash      SHA-256 of the event as it was received (canonical form); absent otherwise
enrichments        what was joined: how it is known (``basis``) and since when (``as_of``), and the
                   amendment that said so, if one did
severity_id        Informational; Medium for a gap
unmapped           all that is left, as in the record, with ``hash`` and ``previous`` of the chain
=================  =================================================================================
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from exporter.audit.formats.fields import (
    actor,
    amendment,
    encoded,
    mapping,
    plain,
    present,
    text,
)
from exporter.audit.formats.ocsf import classes, parties
from exporter.audit.formats.ocsf.classes import EventClass
from exporter.audit.record import Entry, Json, Kind

VERSION = "1.8.0"
LOG_NAME = "flatfile-audit"
PROVIDER = "flatfile-exporter"
_FLATFILE = "Flatfile"
_SHA256 = 3  # `algorithm_id` of the object `fingerprint`

Attributes = dict[str, Json]


def ocsf(entry: Entry) -> bytes:
    """One line of JSON."""
    record = entry.record
    event_class = classes.class_of(record)
    special = _SPECIAL[event_class.uid](entry)
    if special is None:
        event_class, special = classes.API_ACTIVITY, _api_activity(entry)
    return encoded({**_common(entry, event_class), **special})


def _common(entry: Entry, event_class: EventClass) -> Attributes:
    record = entry.record
    number, caption = classes.activity_of(event_class, record)
    gap = record.get("kind") == Kind.GAP
    return {
        "class_uid": event_class.uid,
        "class_name": event_class.name,
        "category_uid": event_class.category_uid,
        "category_name": event_class.category_name,
        "activity_id": number,
        "activity_name": caption,
        "type_uid": event_class.uid * 100 + number,
        "type_name": f"{event_class.name}: {caption if number != classes.OTHER else 'Other'}",
        "time": _milliseconds(entry.at),
        "severity_id": 3 if gap else 1,
        "severity": "Medium" if gap else "Informational",
        "metadata": _metadata(entry, event_class),
        **present(
            **_status(record),
            message=text(record.get("topic")),
            raw_data_hash=_fingerprint(record),
            enrichments=_enrichments(entry),
        ),
        "unmapped": _unmapped(entry),
    }


def _metadata(entry: Entry, event_class: EventClass) -> Attributes:
    record = entry.record
    # The profile is what gives an attribute `actor` to this class.
    host = event_class is classes.LIFECYCLE and bool(parties.actor_of(entry))
    return present(
        version=VERSION,
        product={"name": _FLATFILE, "vendor_name": _FLATFILE},
        profiles=["host"] if host else None,
        uid=entry.uid,
        original_event_uid=entry.uid if record.get("kind") == Kind.EVENT else None,
        sequence=entry.sequence,
        event_code=text(record.get("topic")),
        original_time=text(record.get("time")),
        logged_time=_milliseconds(entry.recorded),
        log_name=LOG_NAME,
        log_provider=PROVIDER,
        log_version=str(record.get("schema")),
        source=text(record.get("source")),
        tenant_uid=parties.account_of(record),
    )


def _account_change(entry: Entry) -> Attributes | None:
    detail = mapping(entry.record.get("detail"))
    user = parties.person(entry, detail)
    return present(user=user, actor=parties.actor_of(entry)) if user else None


def _user_access(entry: Entry) -> Attributes | None:
    user, space = parties.guest_of(entry), parties.place(entry.record, "space")
    if not user:
        return None
    return present(
        user=user,
        privileges=["guest"],
        resources=[{**space, "type": "space"}] if space else None,
        actor=parties.actor_of(entry),
    )


def _entity_management(entry: Entry) -> Attributes | None:
    subject = str(entry.record.get("topic")).partition(":")[0]
    thing = parties.place(entry.record, subject)
    if not thing:
        return None
    entity = {**thing, "type_id": 99, "type": subject}
    return present(entity=entity, actor=parties.actor_of(entry))


def _lifecycle(entry: Entry) -> Attributes | None:
    app = parties.agent_of(entry.record)
    return present(app=app, actor=parties.actor_of(entry)) if app else None


def _api_activity(entry: Entry) -> Attributes:
    record = entry.record
    # Where nobody is named it was the service itself; whence a call came the API does not say,
    # so that the service stands there, too.
    return present(
        actor=parties.actor_of(entry) or {"app_name": _FLATFILE},
        api={"operation": str(record.get("topic")), "service": {"name": _FLATFILE}},
        src_endpoint={"svc_name": _FLATFILE},
        resources=parties.resources(record),
    )


def _event_log(_: Entry) -> Attributes:
    return {
        "log_name": LOG_NAME,
        "log_provider": PROVIDER,
        "log_type_id": 2,
        "log_type": "Application",
    }


_SPECIAL: Mapping[int, Callable[[Entry], Attributes | None]] = MappingProxyType(
    {
        classes.ACCOUNT_CHANGE.uid: _account_change,
        classes.USER_ACCESS.uid: _user_access,
        classes.ENTITY_MANAGEMENT.uid: _entity_management,
        classes.LIFECYCLE.uid: _lifecycle,
        classes.API_ACTIVITY.uid: _api_activity,
        classes.EVENT_LOG.uid: _event_log,
    }
)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _status(record: Mapping[str, Json]) -> Attributes:
    if record.get("kind") not in {Kind.EVENT, Kind.CHANGE}:
        return {}
    failed = str(record.get("topic")).endswith(":failed")
    return (
        {"status_id": 2, "status": "Failure"} if failed else {"status_id": 1, "status": "Success"}
    )


def _fingerprint(record: Mapping[str, Json]) -> Attributes | None:
    raw = text(record.get("raw"))
    return {"algorithm_id": _SHA256, "algorithm": "SHA-256", "value": raw} if raw else None


def _enrichments(entry: Entry) -> list[Attributes]:
    """What was not in the event: the actor's name and address, the names of places."""
    found, who = [], actor(entry)
    if (uid := text(who.get("id"))) and (basis := text(who.get("basis"))):
        found.append(
            _enrichment(
                "actor.user.uid",
                uid,
                type="identity",
                created_time=_instant(who.get("as_of")),
                data=present(
                    name=plain(entry, who.get("name")),
                    email=plain(entry, who.get("email")),
                    label=text(who.get("label")),
                    basis=basis,
                    as_of=text(who.get("as_of")),
                    then=who.get("then"),
                    amendment=amendment(entry),
                ),
            )
        )
    for name in ("environment", "space"):
        thing = parties.place(entry.record, name)
        if "name" in thing:
            found.append(
                _enrichment(
                    f"unmapped.{name}.id", thing["uid"], type=name, data={"name": thing["name"]}
                )
            )
    return found


def _enrichment(name: str, value: str, **more: Json) -> Attributes:
    return present(name=name, value=value, provider=PROVIDER, **more)


def _instant(written: Json) -> int | None:
    """ISO 8601 as milliseconds; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(written)
        return _milliseconds((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def _unmapped(entry: Entry) -> Attributes:
    record = entry.record
    names = ("kind", "late", "environment", "space", "context", "payload", "origin", "detail")
    kept = {name: record.get(name) for name in (*names, "previous")}
    return present(**kept, hash=entry.hash, actor=dict(actor(entry)), amendment=amendment(entry))
