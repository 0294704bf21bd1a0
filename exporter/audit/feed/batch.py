"""Gathering events from pages and handing them on in order."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from exporter.audit.feed.contract import Keep, MayFeed, Parcel
from exporter.audit.store.cursors import Change
from exporter.flatfile.raw import RawEvent

MOST = 5_000
"""Events held at a time, over all questions: raw events are large (API notes, section 9.2)."""

Marks: TypeAlias = Callable[[float], Sequence[Change]]
"""Given the time of the oldest event so far, the cursors that go along before the reading ends."""


def unmoved(_: float) -> Sequence[Change]:
    """Cursors that wait for the end."""
    return ()


class Blocked(Exception):
    """There is no room for more. Never leaves this package."""


class Batch:
    """As many events as may be held are sorted together: pages may come newest first."""

    def __init__(
        self,
        keep: Keep,
        may_feed: MayFeed,
        *,
        late_before: float | None,
        most: int,
        marks: Marks = unmoved,
    ) -> None:
        self.added = 0
        """Of those handed on, how many were new."""
        self._keep = keep
        self._may_feed = may_feed
        self._late_before = late_before
        self._most = most
        self._marks = marks
        self._oldest = float("inf")
        self._waiting: list[RawEvent] = []

    async def add(self, events: Sequence[RawEvent]) -> None:
        """Raises Blocked, and what the keeping raises."""
        if len(self._waiting) + len(events) > self._most:
            await self.flush()
        self._waiting += events

    async def flush(self) -> None:
        """Also of nothing, which costs nothing. Raises as :meth:`add`."""
        events = self.rest()
        if not events:
            return
        self._oldest = min(self._oldest, events[0].created_at)
        parcel = Parcel(
            events=events, late_before=self._late_before, marks=self._marks(self._oldest)
        )
        self.added += await self._keep(parcel)

    def rest(self) -> list[RawEvent]:
        """What was not handed on yet, in order; it is the caller's now. Raises Blocked."""
        events, self._waiting = self._waiting, []
        if events and not self._may_feed():
            raise Blocked
        events.sort(key=_order)
        return events


def _order(event: RawEvent) -> tuple[float, str]:
    return event.created_at, event.id
