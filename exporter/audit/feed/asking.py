"""One way to the source and to the store for everything that asks."""

from collections.abc import Collection
from dataclasses import dataclass

import structlog
from structlog.typing import FilteringBoundLogger

from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.audit.feed.batch import MOST, Batch
from exporter.audit.feed.contract import Ingest, MayFeed, RecordGap
from exporter.audit.feed.gaps import Gap
from exporter.audit.feed.reading import read
from exporter.flatfile.protocol import Flatfile

_log: FilteringBoundLogger = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Asking:
    """``gaps`` counts those that were recorded."""

    flatfile: Flatfile
    ingest: Ingest
    record_gap: RecordGap
    may_feed: MayFeed
    gaps: int = 0

    async def ask(
        self,
        question: Question,
        *,
        moment: Moment,
        late_before: float | None,
        watched: Collection[str] = (),
        at_once: int = 1,
    ) -> Answer:
        """``watched`` are events to look out for.

        ``at_once`` questions share the room for events that are held, with a page that is looked
        at and one that is on its way for each.
        """
        room = max(question.page_size, MOST // at_once - 2 * question.page_size)
        batch = Batch(self.ingest, self.may_feed, late_before, room)
        return await read(self.flatfile, question, batch=batch, moment=moment, watched=watched)

    async def gap(self, gap: Gap) -> None:
        await self.record_gap(gap)
        self.gaps += 1
        _log.warning("audit_gap", **gap.detail)
