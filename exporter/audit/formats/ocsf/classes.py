"""Which class of events a topic belongs to, and which activity of that class it is.

Numbers and captions: ocsf-schema 1.8.0, ``categories.json`` and ``events/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.audit.record import Json, Kind

OTHER = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class EventClass:
    """A class. ``activities`` are those that it is used with; ``verbs`` say which is meant.

    A verb is what follows the colon of a topic.
    """

    uid: int
    name: str
    category_uid: int
    category_name: str
    activities: Mapping[int, str]
    verbs: Mapping[str, int]


def _class(
    uid: int, name: str, category: tuple[int, str], verbs: Mapping[str, tuple[int, str]]
) -> EventClass:
    return EventClass(
        uid=uid,
        name=name,
        category_uid=category[0],
        category_name=category[1],
        activities=MappingProxyType(dict(verbs.values())),
        verbs=MappingProxyType({verb: number for verb, (number, _) in verbs.items()}),
    )


_SYSTEM = (1, "System Activity")
_IAM = (3, "Identity & Access Management")
_APPLICATION = (6, "Application Activity")

EVENT_LOG = _class(1008, "Event Log Activity", _SYSTEM, {})
ACCOUNT_CHANGE = _class(
    3001, "Account Change", _IAM, {"added": (1, "Create"), "removed": (6, "Delete")}
)
USER_ACCESS = _class(
    3005,
    "User Access Management",
    _IAM,
    {"guestAdded": (1, "Assign Privileges"), "guestRemoved": (2, "Revoke Privileges")},
)
ENTITY_MANAGEMENT = _class(
    3004,
    "Entity Management",
    _IAM,
    {
        **dict.fromkeys(("created", "added"), (1, "Create")),
        "updated": (3, "Update"),
        **dict.fromkeys(("deleted", "removed"), (4, "Delete")),
        # The schema calls these "semi-permanent" and visible to editors, which archiving is.
        "unarchived": (8, "Enable"),
        "archived": (9, "Disable"),
    },
)
LIFECYCLE = _class(
    6002,
    "Application Lifecycle",
    _APPLICATION,
    {
        **dict.fromkeys(("created", "deployed"), (1, "Install")),
        **dict.fromkeys(("deleted", "removed"), (2, "Remove")),
        **dict.fromkeys(("updated", "redeployed"), (8, "Update")),
    },
)
API_ACTIVITY = _class(
    6003,
    "API Activity",
    _APPLICATION,
    {
        **dict.fromkeys(("created", "added"), (1, "Create")),
        **dict.fromkeys(("updated", "changed"), (3, "Update")),
        **dict.fromkeys(("deleted", "removed"), (4, "Delete")),
    },
)

_BY_SUBJECT: Mapping[str, EventClass] = MappingProxyType(
    {
        "user": ACCOUNT_CHANGE,
        "guest": ACCOUNT_CHANGE,
        "space": ENTITY_MANAGEMENT,
        "environment": ENTITY_MANAGEMENT,
        "agent": LIFECYCLE,
    }
)
_OF_THE_LOG = frozenset({Kind.AMENDMENT, Kind.GAP, Kind.REDACTION})


def class_of(record: Mapping[str, Json]) -> EventClass:
    """The class that a record belongs to, if it names what that class needs."""
    if record.get("kind") in _OF_THE_LOG:
        return EVENT_LOG
    subject, _, verb = str(record.get("topic")).partition(":")
    if subject == "space" and verb in USER_ACCESS.verbs:
        return USER_ACCESS
    return _BY_SUBJECT.get(subject, API_ACTIVITY)


def activity_of(event_class: EventClass, record: Mapping[str, Json]) -> tuple[int, str]:
    """The activity's number and its caption; for one that the class has not, the topic's verb."""
    topic = str(record.get("topic"))
    verb = topic.partition(":")[2] or topic
    number = event_class.verbs.get(verb, OTHER)
    return number, event_class.activities.get(number) or verb or "other"
