"""What is kept of events, before anybody is asked who did it and where.

It needs no store. So a part of a batch is looked through while the disk takes the part before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.audit import select
from exporter.audit.canonical import Said, canonical, digest
from exporter.audit.excerpt import text
from exporter.audit.record import Json
from exporter.flatfile.raw import RawEvent
from exporter.precedence import GiveWay, never

_LONGEST_TOPIC = 200  # characters; the longest documented one has 32
_PART = 50  # events between two rests


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``payload_fields`` are kept besides the allow-list: see :mod:`exporter.audit.select`."""

    payload_fields: frozenset[str] = frozenset()


class Kept(NamedTuple):
    """The fields of a record that the event alone decides, and the event as it was received.

    A tuple: thousands a second are made. ``raw`` is null for an event that has no canonical form.
    """

    event: RawEvent
    uid: str
    topic: str
    context: Mapping[str, Json]
    payload: Mapping[str, Json]
    origin: Mapping[str, Json] | None
    raw: str | None


def kept(batch: Sequence[RawEvent], options: Options, give_way: GiveWay = never) -> list[Kept]:
    """Of each event, in their order."""
    further = options.payload_fields
    found = []
    for number, event in enumerate(batch):
        if not number % _PART:
            give_way()
        raw, topic = event.raw, event.topic
        payload = select.payload(topic, raw.get("payload"), further)
        if further:  # and so whatever JSON can say
            payload = Said(payload)
        found.append(
            Kept(
                event,
                text(event.id),
                text(topic[:_LONGEST_TOPIC]),
                select.context(raw.get("context")),
                payload,
                select.origin(raw.get("origin")),
                _digest(raw),
            )
        )
    return found


def _digest(raw: Mapping[str, Any]) -> str | None:
    try:
        return digest(canonical(raw))
    except ValueError:  # nested too deep
        return None
