"""Records as Loki's streams: which labels, in which order, and in which pieces.

What Loki takes (its documentation, "Configuration", ``limits_config`` and ``ingester``; and
"Accept out-of-order writes"):

* nothing more than half of ``max_chunk_age`` (2 h) behind the newest entry *of the same stream*;
* nothing older than ``reject_old_samples_max_age`` (168 h), by its clock;
* nothing more than ``creation_grace_period`` (10 min) in the future.

So a record that is too far behind for the stream of those on time goes to another one. One stream
for all of them would only move the trouble: whatever is read again of several environments comes
environment by environment, and the second one would be days behind the first. Hence one for each
slot of time as long as the window: there nothing is ever too far behind. There are no more slots
than Loki's oldest acceptable age has windows, so that the streams stay few, and a record and one
a whole cycle older never meet.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.audit.record import Entry
from exporter.audit.sinks.contract import Line

HOUR = 3600.0
WEEK = 168 * HOUR
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Seconds: how far behind its stream, and how old, Loki takes an entry."""

    behind: float = HOUR
    oldest: float = WEEK

    def slot(self, at: float) -> str:
        """The label that tells streams of late records apart."""
        # One more than there are windows: the oldest of the first and the newest of the last.
        slots = math.ceil(self.oldest / self.behind) + 1
        return f"{int(at // self.behind) % slots:03d}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Records of one stream, sorted by time."""

    labels: Labels
    entries: Sequence[Entry] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the bodies."""
        return sum(len(entry.body) for entry in self.entries)


def labels_of(window: Window, constant: Mapping[str, str], late_at: float | None = None) -> Labels:
    """``late_at`` is the time of a record that is too far behind for those on time."""
    late = {} if late_at is None else {"late": "true", "slot": window.slot(late_at)}
    return tuple({**constant, **late}.items())


def pieces(
    entries: Sequence[Entry],
    window: Window,
    constant: Mapping[str, str],
    *,
    newest: float,
    largest: int,
) -> Iterator[Piece]:
    """In the order in which they have to be pushed.

    ``newest`` (Unix seconds) is of the stream of records on time. No piece spans more than the
    window, so that it may be sent again in part, nor more than ``largest`` bytes of bodies.
    """
    late = [e for e in entries if e.at < newest - window.behind]
    on_time = [e for e in entries if e.at >= newest - window.behind]
    slots: dict[Labels, list[Entry]] = {}
    for entry in late:
        slots.setdefault(labels_of(window, constant, entry.at), []).append(entry)
    for labels, group in ((labels_of(window, constant), on_time), *slots.items()):
        piece: list[Entry] = []
        size = 0
        for entry in sorted(group, key=lambda e: (e.at, e.sequence)):
            size += len(entry.body)
            if piece and (size > largest or entry.at - piece[0].at > window.behind):
                yield Piece(labels, piece)
                piece, size = [], len(entry.body)
            piece.append(entry)
        if piece:
            yield Piece(labels, piece)


def pushes(found: Iterable[Piece], largest: int) -> Iterator[list[Piece]]:
    """What goes into one request: no stream twice, and no more than ``largest`` bytes of bodies."""
    push: list[Piece] = []
    for piece in found:
        full = sum(p.size for p in push) + piece.size > largest
        if push and (full or piece.labels in [p.labels for p in push]):
            yield push
            push = []
        push.append(piece)
    if push:
        yield push


def body(found: Iterable[Piece], line: Line, *, metadata: bool) -> bytes:
    """The JSON of ``POST /loki/api/v1/push`` (Loki's documentation, "HTTP API").

    With ``metadata``, ids stand beside the line as structured metadata.
    """
    # Record by record: one call for all of them would keep the interpreter, and with it the loop.
    streams = ",".join(
        f'{{"stream":{_json(dict(piece.labels))},"values":['
        + ",".join(_json(_value(entry, line, metadata=metadata)) for entry in piece.entries)
        + "]}"
        for piece in found
    )
    return f'{{"streams":[{streams}]}}'.encode()


def _value(entry: Entry, line: Line, *, metadata: bool) -> list[object]:
    value: list[object] = [nanoseconds(entry.at), line(entry).decode()]
    return [*value, _metadata(entry)] if metadata else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def nanoseconds(at: float) -> str:
    """Times are exact to a millisecond; more digits would be those of the binary fraction."""
    return f"{round(at * 1_000)}000000"


def _metadata(entry: Entry) -> dict[str, str]:
    record = entry.record
    actor = record.get("actor") or {}
    found = {
        "uid": entry.uid,
        "sequence": str(entry.sequence),
        "kind": record["kind"],
        "topic": record["topic"],
        "environment_id": (record.get("environment") or {}).get("id"),
        "space_id": (record.get("space") or {}).get("id"),
        "actor_id": actor.get("id"),
        "actor_kind": actor.get("kind"),
    }
    return {name: value for name, value in found.items() if isinstance(value, str)}
