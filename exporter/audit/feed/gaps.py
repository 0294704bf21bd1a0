"""What is missing and cannot be had any more, and how one knows.

The source keeps events for a time that nobody knows (API notes, section 9.1). Anchors are the
newest events that were read: as long as one of them is shown, nothing after it was forgotten.
Where none is, it matters how long nobody looked: a source that was seen to show events of a
certain age loses none that was looked for more often than that.
"""

from dataclasses import dataclass
from typing import Literal

from exporter.audit.record import Draft, Json, Kind, blank
from exporter.audit.store.times import iso, milliseconds

GapKind = Literal["forgotten", "topics", "unreachable", "environment"]

TOPIC = "audit:gap"

_LEAST = 600.0
"""Seconds for which every source keeps its events, where nothing at all is known of it (GUESS)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Events of that time may be missing; all of them ``since`` (included) to ``until``.

    Both are Unix seconds. Kinds: ``forgotten`` by the source; ``topics`` that are not documented,
    since the rest could be had only topic by topic; ``unreachable`` however small the questions;
    an ``environment`` that is gone before its last events were read.
    """

    kind: GapKind
    since: float
    until: float
    environment_id: str | None = None
    topic: str | None = None

    @property
    def uid(self) -> str:
        where = f"{self.environment_id or ''}/{self.topic or ''}"
        return f"gap/{self.kind}/{where}/{milliseconds(self.since)}-{milliseconds(self.until)}"

    @property
    def detail(self) -> dict[str, Json]:
        """Of the record. ``environment`` and ``topic`` are null where all are meant."""
        return {
            "kind": self.kind,
            "environment": self.environment_id,
            "topic": self.topic,
            "from": iso(self.since),
            "to": iso(self.until),
        }


def draft(gap: Gap) -> Draft:
    """The record of a gap; its time is the end of what is missing."""
    where = gap.environment_id
    return Draft(
        uid=gap.uid,
        kind=Kind.GAP,
        topic=TOPIC,
        at=gap.until,
        fields=blank(environment={"id": where, "name": None} if where else None, detail=gap.detail),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What was known before a reading, for the question whether it joins on.

    ``complete`` is the time up to which everything had been read, None before that ever happened;
    ``anchor`` the time of the newest anchor, None if there is none; ``void`` whether all that were
    there were found to be forgotten; ``held`` the age in seconds that events were seen to reach at
    the source, None if it never showed any. ``partial``, while there is no ``complete``, is the
    time down to which the source has to go, None if nothing was read. ``outrun`` is the mark, where
    all anchors are younger: that is the time of an event, too.
    """

    complete: float | None
    overlap: float
    anchor: float | None
    void: bool
    held: float | None
    partial: float | None = None
    outrun: float | None = None

    def joins(self, *, met: bool, oldest: float | None) -> bool:
        """Whether what was shown reaches back to what was read before.

        ``met`` is whether an anchor was shown, ``oldest`` the time of the oldest event shown. Where
        there never was an event there is nothing to reach back to.
        """
        if self.complete is None:
            return self.partial is None or (oldest is not None and oldest <= self.partial)
        if self.outrun is not None:
            return oldest is not None and oldest <= self.outrun
        if met or (self.anchor is None and not self.void):
            return True
        return oldest is not None and oldest <= self.complete - self.overlap

    def harmless(self, wall: float) -> bool:
        """Whether nothing can have been forgotten meanwhile, although the reading did not join on.

        ``wall`` is when it began. An anchor that is not shown tells how long the source keeps
        events at the most.
        """
        if self.complete is None:
            return self.partial is None
        unseen = wall - (self.complete - self.overlap)
        held = self.held or 0.0
        if self.anchor is None:
            return unseen <= max(held, _LEAST + self.overlap)
        return unseen <= min(held, wall - self.anchor)
