"""Gathering events from pages and handing them on in order."""

from collections.abc import Sequence

from exporter.audit.feed.contract import Ingest, MayFeed
from exporter.flatfile.raw import RawEvent

MOST = 5_000
"""Events held at a time, over all questions: raw events are large (API notes, section 9.2)."""


class Blocked(Exception):
    """There is no room for more. Never leaves this package."""


class Batch:
    """As many events as may be held are sorted together: pages may come newest first."""

    def __init__(
        self, ingest: Ingest, may_feed: MayFeed, late_before: float | None, most: int
    ) -> None:
        self.added = 0
        """Of those handed on, how many were new."""
        self._ingest = ingest
        self._may_feed = may_feed
        self._late_before = late_before
        self._most = most
        self._waiting: list[RawEvent] = []

    async def add(self, events: Sequence[RawEvent]) -> None:
        """Raises Blocked, and what the ingesting raises."""
        if len(self._waiting) + len(events) > self._most:
            await self.flush()
        self._waiting += events

    async def flush(self) -> None:
        """Also of nothing, which costs nothing. Raises as :meth:`add`."""
        events, self._waiting = self._waiting, []
        if not events:
            return
        if not self._may_feed():
            raise Blocked
        events.sort(key=_order)
        self.added += (await self._ingest(events, self._late_before)).added


def _order(event: RawEvent) -> tuple[float, str]:
    return event.created_at, event.id
