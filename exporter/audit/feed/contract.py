"""What the feed is given, and what it tells."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from exporter.audit.feed.gaps import Gap
from exporter.audit.store.cursors import Change
from exporter.errors import RoundError
from exporter.flatfile.raw import RawEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is kept together or not at all: what was read, and how far that is.

    ``events``, no more than may be held, are sorted by time and id; each may have been given
    before. One that is new and older than ``late_before`` (Unix seconds) is late: its time had been
    read up to. Gaps come after them, each by its ``uid`` only once. ``marks`` are the cursors.
    """

    events: Sequence[RawEvent] = ()
    late_before: float | None = None
    gaps: Sequence[Gap] = ()
    marks: Sequence[Change] = ()

    def __bool__(self) -> bool:
        return bool(self.events or self.gaps or self.marks)


Keep: TypeAlias = Callable[[Parcel], Awaitable[int]]
"""Keep it in one transaction. How many of the events were new. Raises StorageFailed."""

MayFeed: TypeAlias = Callable[[], bool]
"""Whether there is room for more. Cheap: it is asked before each batch, which goes in whole."""

Environments: TypeAlias = Callable[[], Awaitable[Sequence[str]]]
"""The ids of all environments there are now, freshly listed. Raises a leaf of RoundError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Seconds, but for the last two.

    ``overlap`` is how far back each question goes before the mark, ``settle`` how old an event has
    to be before it is taken, ``start`` how far in the past a new log begins. ``page_size`` is what
    is asked for when all is well, ``workers`` how many environments are asked at once.
    """

    overlap: float = 300.0
    settle: float = 10.0
    start: float = 3600.0
    page_size: int = 100
    workers: int = 4


Way = Literal["account-wide", "environment by environment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a round came to.

    ``whole`` is whether everything was read that there was; if not, ``error`` says why, unless
    there was no room (``blocked``) or something seemed to be missing that the next round looks for
    again. ``narrowed`` counts the questions that are smaller than they should be.
    """

    way: Way
    whole: bool
    added: int
    gaps: int
    narrowed: int
    blocked: bool = False
    error: RoundError | None = None
