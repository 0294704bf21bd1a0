"""One way to the source and to the store for everything that asks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from structlog.typing import FilteringBoundLogger

from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.audit.feed.batch import MOST, Batch, Marks, unmoved
from exporter.audit.feed.contract import Keep, MayFeed, Parcel
from exporter.audit.feed.reading import read
from exporter.audit.store.cursors import Change
from exporter.flatfile.protocol import Flatfile

_log: FilteringBoundLogger = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Asking:
    """``gaps`` counts those that were recorded."""

    flatfile: Flatfile
    store: Keep
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
        marks: Marks = unmoved,
    ) -> Answer:
        """The last events of the answer wait for :meth:`keep`.

        ``watched`` are events to look out for. ``at_once`` questions share the room for events that
        are held, with a page that is looked at and one that is on its way for each. ``marks`` go
        with the events that cannot wait.
        """
        room = max(question.page_size, MOST // at_once - 2 * question.page_size)
        batch = Batch(self.store, self.may_feed, late_before=late_before, most=room, marks=marks)
        answer = await read(self.flatfile, question, batch=batch, moment=moment, watched=watched)
        answer.late_before = late_before
        return answer

    async def keep(self, answer: Answer, marks: Sequence[Change] = ()) -> None:
        """Its last events, its gaps, and how far that is, in one transaction.

        Raises StorageFailed, and what the keeping raises.
        """
        parcel = Parcel(
            events=answer.held, late_before=answer.late_before, gaps=answer.gaps, marks=marks
        )
        answer.held, answer.gaps = [], []
        if not parcel:
            return
        answer.added += await self.store(parcel)
        self.gaps += len(parcel.gaps)
        for gap in parcel.gaps:
            _log.warning("audit_gap", **gap.detail)
