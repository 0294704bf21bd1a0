"""When to stop turning pages that have no order one can rely on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from exporter.audit.feed.answer import most
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.walk import Walk

_QUIET = 10
"""Walks in a row without news that end the reading of pages without order. A walk over pages in
random order misses up to a third of the events; ten of them one in 60,000."""


@dataclass(slots=True)
class Way:
    """The walks so far, and what they prove together."""

    walk: Walk = field(default_factory=Walk)
    trace: int = 0
    """Of the settled events in their order: two walks with the same one showed the same."""
    newest: float | None = None
    """Of the settled events of this walk."""
    _before: int | None = None
    _quiet: int = 0

    def begin(self) -> None:
        self._before = self.trace if self.walk.pages else None
        self.walk, self.trace, self.newest = Walk(), 0, None

    def note(self, settled: Sequence[RawEvent]) -> None:
        """The next of this walk."""
        self.trace = hash((self.trace, *(event.id for event in settled)))
        for event in settled:
            self.newest = most(self.newest, event.created_at)

    def end(self, *, news: bool) -> None:
        """``news`` is whether events were shown that were not known.

        In the first walk that says nothing: they may be known from earlier rounds.
        """
        self._quiet = 0 if news or self._before is None else self._quiet + 1

    @property
    def still(self) -> bool:
        """Whether nothing was skipped unless the first events went away meanwhile."""
        return not self.walk.repeated and not self.walk.doubled

    @property
    def plain(self) -> bool:
        """Whether nothing can have been skipped, whatever was known before."""
        if self.still:
            return self.walk.newest_first or self.walk.pages <= 1
        return self.trace == self._before

    @property
    def sure(self) -> bool:
        """Whether nothing can have been skipped, although events were shown on two pages.

        In order of time that is what new events do, and events of the same moment that change
        places: then one more walk shows whether there is anything else.
        """
        if self.still or self.plain:
            return self.plain
        if self._quiet >= _QUIET:
            return True
        ordered = self.walk.newest_first or self.walk.oldest_first
        strange = self.walk.disorder or self.walk.doubled
        return ordered and not strange and self._quiet > 0
