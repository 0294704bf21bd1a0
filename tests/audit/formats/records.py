"""Records to tell: of every topic, every kind of record and of actor, and odd ones by hypothesis."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from exporter.audit.canonical import canonical
from exporter.audit.formats.amended import Amended
from exporter.audit.record import ActorKind, Entry, Kind
from exporter.flatfile.topics import TOPICS

NOW = 1_800_000_000.0
ACCOUNT, ENVIRONMENT, SPACE = "us_acc_1", "us_env_1", "us_sp_1"

CHANGES = (
    *("user:added", "user:removed", "user:changed"),
    *("guest:added", "guest:removed", "guest:changed"),
    *("agent:deployed", "agent:removed", "agent:redeployed"),
)
UNDOCUMENTED = (
    *("agent:failed", "space:completed"),
    "workspace:synced",
    "agent:healed",
    "space:teleported",
    "no-colon",
    ":",
    "user:online",
)

_IDS = {
    ActorKind.USER: "us_usr_1",
    ActorKind.GUEST: "us_g_1",
    ActorKind.AGENT: "us_ag_1",
    ActorKind.API_KEY: "us_key_1",
    ActorKind.UNKNOWN: "us_pat_1",
}
NAME, ADDRESS = "hmac-sha256:" + "a" * 64, "hmac-sha256:" + "b" * 64
PEOPLE = {NAME: "Ada Field", ADDRESS: "ada@example.org"}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def resolved(kind: ActorKind) -> dict[str, Any]:
    """An actor of whom all is known that can be."""
    person = kind in {ActorKind.USER, ActorKind.GUEST}
    return {
        "id": _IDS[kind],
        "kind": kind.value,
        "name": NAME if person else None,
        "email": ADDRESS if person else None,
        "label": "importer" if kind is ActorKind.AGENT else None,
        "basis": "listing" if person or kind is ActorKind.AGENT else None,
        "as_of": iso(NOW - 86_400) if person else None,
        "then": True if person else None,
    }


def unresolved(kind: ActorKind) -> dict[str, Any]:
    nothing = dict.fromkeys(("name", "email", "label", "basis", "as_of", "then"))
    return {"id": _IDS[kind], "kind": kind.value, **nothing}


def an_entry(
    topic: str = "space:deleted",
    kind: Kind = Kind.EVENT,
    *,
    sequence: int = 1,
    at: float = NOW,
    people: Mapping[str, str] | None = None,
    **fields: Any,
) -> Entry:
    """A record as the store gives it; ``fields`` replace those of a plain one."""
    record = {
        "schema": 1,
        "sequence": sequence,
        "previous": "0" * 64,
        "uid": f"us_evt_{sequence}",
        "kind": kind.value,
        "topic": topic,
        "time": iso(at),
        "recorded": iso(at + 2),
        "late": False,
        "source": "feed",
        "actor": None,
        "environment": {"id": ENVIRONMENT, "name": "staging"},
        "space": {"id": SPACE, "name": "Imports"},
        "context": {"accountId": ACCOUNT, "environmentId": ENVIRONMENT, "spaceId": SPACE},
        "payload": {},
        "origin": None,
        "raw": "c" * 64 if kind is Kind.EVENT else None,
        "detail": None,
        **fields,
    }
    return entry_of(record, sequence, at, PEOPLE if people is None else people)


def entry_of(
    record: Mapping[str, Any], sequence: int, at: float, people: Mapping[str, str]
) -> Entry:
    body = canonical(record)
    return Entry(
        sequence=sequence,
        uid=str(record["uid"]),
        at=at,
        recorded=at + 2,
        body=body,
        hash=hashlib.sha256(body).hexdigest(),
        record=record,
        people=people,
    )


def amended(entry: Entry, actor: Mapping[str, Any], amendment: int = 99) -> Amended:
    fields = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    return Amended(**fields, actor=actor, amendment=amendment)


def every() -> Iterator[Entry]:
    """Every topic x kind of actor (known, unknown, erased, nobody) x kind of record.

    Those whose class needs more than the topic says also without it.
    """
    actors: list[dict[str, Any] | None] = [None]
    for who in ActorKind:
        actors += [resolved(who), unresolved(who)]
    actors.append({**unresolved(ActorKind.GUEST), "basis": "erased"})
    payload = {"agentId": "us_ag_2", "status": "failed"}
    variants: list[dict[str, Any]] = [{}, {"payload": payload}, {"context": {}, "space": None}]
    for topic in (*sorted(TOPICS), *UNDOCUMENTED):
        for actor in actors:
            core = topic.partition(":")[0] in {"agent", "space", "environment"}
            for more in variants if core else variants[:1]:
                yield an_entry(topic, actor=actor, **more)
    for topic in CHANGES:
        subject = ActorKind(topic.partition(":")[0])
        for detail in (resolved(subject), unresolved(subject)):
            yield an_entry(
                topic, Kind.CHANGE, detail={**detail, "fields": ["name"]}, source="listing"
            )
    for kind, topic, detail in (
        (Kind.AMENDMENT, "audit:amendment", {"actor": resolved(ActorKind.GUEST), "first": 1}),
        (Kind.GAP, "audit:gap", {"kind": "forgotten", "from": iso(NOW - 60), "to": iso(NOW)}),
        (Kind.REDACTION, "audit:redaction", {"person": "us_g_1", "kind": "guest"}),
    ):
        nowhere: dict[str, Any] = {"environment": None, "space": None, "context": {}}
        yield an_entry(topic, kind, detail=detail, source="exporter", **nowhere)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_KEYS = (
    *("id", "name", "email", "label", "slug", "kind", "basis", "as_of", "then"),
    *("accountId", "agentId", "entityId", "guestId", "spaceId", "environmentId", "jobId"),
)
_values = st.sampled_from([NAME, ADDRESS, "us_ag_1", "us_g_1", "guest", "", iso(NOW)]) | _json
_parts = st.fixed_dictionaries({}, optional=dict.fromkeys(_KEYS, _values))
_object = st.none() | _json | _parts
_topics = st.sampled_from([*sorted(TOPICS), *CHANGES, *UNDOCUMENTED]) | st.text(max_size=20)


@st.composite
def odd(draw: st.DrawFn) -> Entry:
    """Any kind with any topic, and anything at all where an object should be."""
    names = ("actor", "environment", "space", "context", "payload", "origin", "detail")
    fields: dict[str, Any] = {name: draw(_object) for name in names}
    spoken = st.text(max_size=12)
    entry = an_entry(
        draw(_topics),
        draw(st.sampled_from(list(Kind))),
        sequence=draw(st.integers(1, 2**40)),
        at=draw(st.integers(0, 4_000_000_000_000)) / 1000,
        people=draw(st.dictionaries(st.sampled_from([NAME, ADDRESS]), spoken)),
        **fields,
    )
    if draw(st.booleans()):
        who = draw(_parts)
        return amended(entry, who, draw(st.integers(1, 2**40)))
    return entry
