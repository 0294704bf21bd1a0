"""What of an event may be kept: an allow-list, and a belt against what no list can know.

A field of a payload is kept if the list of its topic names it and its value has the form that the
field should have: an id, a number, a truth value, or a short text. Nothing nested is kept, so that
records, their values and whole objects (a canvas is sent whole) stay out, whatever they are called.
An operator may name further fields; those are kept as they are, without what is denied always.

The chain can never be edited, so that what was let in once stays. Therefore every text that is
kept loses e-mail addresses and what looks like a secret (:mod:`exporter.logs.redaction`), also in
what an operator asked for.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from exporter.audit.actors import kind_of
from exporter.audit.canonical import EXACT, Said
from exporter.audit.excerpt import Excerpt, has_address, text
from exporter.audit.record import ActorKind, Json
from exporter.flatfile.topics import TOPICS
from exporter.logs.redaction import REDACTED, redacted

EVERYTHING = "*"
"""Names every field of a payload, but for what is denied always."""

_LONGEST_ID = 200  # characters; what exporter.flatfile.models takes as well
_LONGEST_TEXT = 500
_MOST_FIELDS = 50  # of a Space or an environment; they have fewer

_FIELD = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_SUSPECT = re.compile(r"[@%:=]|eyj|pat_|[sp]k_|bearer", re.IGNORECASE)
"""What every pattern of the belt needs; most texts have nothing of it and pass at once."""

Keep = Callable[[object], Json]
"""Gives what is kept of a value; None if nothing is."""


def identity(value: object) -> str | None:
    """An id is any text; Flatfile's are never an e-mail address, and none is kept as one."""
    # Most ids come once: to remember them would cost more than to look.
    if not isinstance(value, str) or not value:
        return None
    if not value.isascii() or "@" in value or "\0" in value or len(value) > _LONGEST_ID:
        return _odd_identity(value)
    return value


def _odd_identity(value: str) -> str:
    clean = text(value[:_LONGEST_ID])
    return REDACTED if "@" in clean else clean


def words(value: object) -> str | None:
    """A short text, such as the name of a thing that is no person."""
    if not isinstance(value, str) or not value:
        return None
    return _words(value)


@lru_cache(maxsize=2_048)
def _words(value: str) -> str:
    clean = text(value)
    if _SUSPECT.search(clean):
        clean = str(redacted(clean))
    return clean[:_LONGEST_TEXT]


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > EXACT:
        return None
    return value


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _actor(value: object) -> str | None:
    """Only what is an id by its form: the field is not documented well enough for more."""
    found = identity(value)
    return found if found and kind_of(found) is not ActorKind.UNKNOWN else None


def _changed_fields(value: object) -> Json:
    """Which fields changed, and never from what to what."""
    if not isinstance(value, list):
        return None
    fields = [change.get("field") for change in value if isinstance(change, Mapping)]
    named = [field for field in fields if isinstance(field, str) and _FIELD.fullmatch(field)]
    return [{"field": field} for field in named[:_MOST_FIELDS]] or None


_CONTEXT: Mapping[str, Keep] = {
    **dict.fromkeys(
        (
            *("accountId", "environmentId", "actorId", "spaceId", "workbookId", "sheetId"),
            *("snapshotId", "versionId", "commitId", "jobId", "programId", "fileId"),
            *("documentId", "precedingEventId", "appId", "actionId", "dataClipId", "threadId"),
            *("entityId", "canvasId", "canvasAreaId", "agentId", "guestId", "userId"),
            *("secretId", "flagId", "layerId"),
        ),
        identity,
    ),
    "sheetSlug": words,
    "actionName": words,
}
"""Ids (API notes, section 9.2) and two names of things. Not ``filters``: they are values."""

_IDS = frozenset(name for name, keep in _CONTEXT.items() if keep is identity)

_ANY: Mapping[str, Keep] = {
    **dict.fromkeys(_IDS, identity),
    "recordCount": _count,
    "sheetCount": _count,
}
"""Of every topic, also of one that nobody has documented: ids and two counts."""

_OF: Mapping[str, Mapping[str, Keep]] = {
    "space": {"name": words, "changes": _changed_fields},
    "environment": {
        "name": words,
        "slug": words,
        "isProd": _flag,
        "changes": _changed_fields,
        "deletedAt": words,
        "deletedBy": _actor,
    },
    "agent": {"slug": words},
    "job": {
        "domain": words,
        "operation": words,
        "job": words,
        "status": words,
        "isPart": _flag,
    },
    "file": {"status": words},
    "workbook": {"name": words, "namespace": words},
    "sheet": {"slug": words},
    "commit": {"sheetSlug": words},
    "action": {"name": words, "label": words, "operation": words},
}
"""By the first part of a topic that tells of a thing (API notes, section 9.3). A ``name`` is kept of
things only: old accounts have events such as ``user:added``, in which it would be that of a person,
and nobody knows what topics are to come."""


_OLD = (
    *("space:added", "space:removed", "workbook:added", "workbook:removed", "sheet:validated"),
    *("job:started", "job:waiting", "action:triggered"),
)
"""Topics of years ago, which a backfill may meet (API notes, section 9.3)."""

_OF_GUESTS = frozenset({"space:guestAdded", "space:guestRemoved"})
"""What these say of the guest is documented nowhere: a ``name`` there may be that of a person."""

_OF_THINGS = (TOPICS | {*_OLD}) - _OF_GUESTS


def of_a_thing(topic: str) -> bool:
    """Whether it is known to tell of the thing that it begins with, so that a name is that one's."""
    return topic in _OF_THINGS


@lru_cache(maxsize=1_024)
def _fields(topic: str) -> Mapping[str, Keep]:
    return {**_ANY, **_OF.get(topic.partition(":")[0], {})} if of_a_thing(topic) else _ANY


def payload(topic: str, given: object, further: frozenset[str] = frozenset()) -> dict[str, Json]:
    """The fields of a payload that are kept; ``further`` ones were asked for by the operator."""
    kept: dict[str, Json] = {}
    if not isinstance(given, dict):
        return kept
    fields = _fields(topic)
    for key, value in given.items():
        keep = fields.get(key)
        if keep is not None:
            found = keep(value)
            if found is not None:
                kept[key] = found
    if further and not topic.startswith("secret:"):  # of a secret never more than its ids
        every = EVERYTHING in further
        asked = {
            key: value
            for key, value in given.items()
            if (every or key in further) and fields.get(key, _changed_fields) is _changed_fields
        }
        kept |= Excerpt().mapping(asked, 0, person=has_address(given))
    return kept


def context(given: object) -> dict[str, Json]:
    """The ids that an event names, by their names in the API."""
    kept: dict[str, Json] = {}
    if isinstance(given, dict):
        if _plain_ids(given):
            return given
        for key, value in given.items():
            keep = _CONTEXT.get(key)
            if keep is not None:
                found = keep(value)
                if found is not None:
                    kept[key] = found
    return kept


def _plain_ids(given: dict[str, Any]) -> bool:
    """Whether all of it are ids that are kept as they are: looked at together, as most are."""
    if not given.keys() <= _IDS:
        return False
    try:
        joined = "\n".join(given.values())
    except TypeError:
        return False
    # Together no longer than one may be; and an empty one is no id.
    return (
        len(joined) <= _LONGEST_ID
        and joined.isascii()
        and "@" not in joined
        and "\0" not in joined
        and "" not in given.values()
    )


def origin(given: object) -> Said | None:
    """``{id, slug}``: the resource that an event came from."""
    if not isinstance(given, dict):
        return None
    return _origin(identity(given.get("id")), words(given.get("slug")))


@lru_cache(maxsize=4_096)  # few resources do most of what is done
def _origin(id_: str | None, slug: str | None) -> Said | None:
    return Said({"id": id_, "slug": slug}) if id_ or slug else None
