"""What is asked of the source, and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from exporter.audit.feed.gaps import Gap
from exporter.errors import RoundError
from exporter.flatfile.raw import RawEvent

ANCHORS = 5
"""The newest events of an environment that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``since`` is Unix seconds; ``environment_id`` or ``topic`` None leaves that filter out."""

    since: float
    page_size: int
    environment_id: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """``wall`` is when the round began, ``until`` the time up to which events have settled."""

    wall: float
    until: float


def most(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def least(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


@dataclass(slots=True, kw_only=True)
class Answer:
    """What a question came to; all times are Unix seconds.

    ``newest`` is of the events that have settled, ``oldest`` of all from ``since`` on. Where it is
    not ``whole``, ``upto`` is the time up to which everything was read in spite of that (the pages
    came strictly oldest first), and ``reached`` that down to which it was (newest first). ``met``
    are the watched events that were shown, ``anchors`` the newest ones by environment as (time, id).

    ``held`` are events that are not kept yet, and ``gaps`` what is missing: they are to be kept
    together with what the answer means for the cursors. ``late_before`` is of the parcel. ``added``
    counts what was kept and is new.
    """

    whole: bool = False
    error: RoundError | None = None
    blocked: bool = False
    pages: int = 0
    added: int = 0
    newest: float | None = None
    oldest: float | None = None
    upto: float | None = None
    reached: float | None = None
    met: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    anchors: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    held: list[RawEvent] = field(default_factory=list)
    late_before: float | None = None
    gaps: list[Gap] = field(default_factory=list)

    def note(self, settled: Iterable[RawEvent], asked_of: str) -> None:
        """These were handed on."""
        for event in settled:
            at = event.created_at
            self.newest = most(self.newest, at)
            self.topics.add(event.topic)
            kept = self.anchors.setdefault(event.environment_id or asked_of, [])
            full = len(kept) >= ANCHORS
            if (full and at <= kept[0][0]) or any(event.id == known for _, known in kept):
                continue
            (heappushpop if full else heappush)(kept, (at, event.id))

    def stuck_at(self, mark: float) -> bool:
        """Whether what is not whole did not even come further than that."""
        return not self.whole and (self.upto is None or self.upto <= mark)

    def join(self, other: "Answer") -> None:
        """Add what another question about the same scope came to, of which nothing is held."""
        self.pages += other.pages
        self.added += other.added
        self.newest = most(self.newest, other.newest)
        self.oldest = least(self.oldest, other.oldest)
        self.met |= other.met
        self.topics |= other.topics
        for environment_id, kept in other.anchors.items():
            mine = {*self.anchors.get(environment_id, ()), *kept}
            self.anchors[environment_id] = sorted(mine)[-ANCHORS:]
