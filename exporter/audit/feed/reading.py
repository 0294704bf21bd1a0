"""Asking one question to its end."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing

from exporter.audit.feed.answer import Answer, Moment, Question, least
from exporter.audit.feed.batch import Batch, Blocked
from exporter.audit.feed.way import Way
from exporter.errors import ListChanged, RoundError, StorageFailed
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.walk import Walk

_AHEAD = 300.0  # seconds; what is dated further in the future will not settle in a sensible time
_WALKS = 60  # a feed that never falls quiet is read on in the next round


async def read(
    flatfile: Flatfile,
    question: Question,
    *,
    batch: Batch,
    moment: Moment,
    watched: Collection[str] = (),
) -> Answer:
    """Walk through all pages, several times where they have no order.

    What was read before a failure is handed on, or held by the answer as what came last always is.
    Raises StorageFailed, and what the keeping raises; failures of the source are in the answer.
    """
    answer = Answer()
    way = Way()
    try:
        for _ in range(_WALKS):
            before = batch.added
            way.begin()
            try:
                await _walk(flatfile, question, way, batch, moment, frozenset(watched), answer)
                answer.whole = way.plain or (
                    way.still and await _stood_still(flatfile, question, way.walk)
                )
                if not answer.whole:  # only the store knows which of them are news
                    await batch.flush()
                    way.end(news=batch.added > before)
                    answer.whole = way.sure
            except StorageFailed:
                raise
            except RoundError as error:
                # Without its traceback: that holds the page, and lives as long as the answer.
                answer.error = error.with_traceback(None)
            if answer.whole or answer.error:
                break
        else:
            answer.error = ListChanged(
                f"GET /events changed its order each time it was read, {_WALKS} times; read again"
                " in the next round"
            )
        answer.held = batch.rest()
    except Blocked:
        answer.blocked = True
        answer.whole = False
    answer.added = batch.added
    answer.reached = way.walk.reached
    if not answer.whole and not answer.blocked and way.walk.oldest_first:
        answer.upto = way.newest
    return answer


async def _walk(
    flatfile: Flatfile,
    question: Question,
    way: Way,
    batch: Batch,
    moment: Moment,
    watched: frozenset[str],
    answer: Answer,
) -> None:
    asked_of = question.environment_id or ""
    async with aclosing(_pages(flatfile, question)) as pages:
        async for page in pages:
            answer.pages += 1
            way.walk.turn([(event.id, event.created_at) for event in page])
            asked = [event for event in page if event.created_at >= question.since]
            if asked:
                answer.oldest = least(answer.oldest, min(event.created_at for event in asked))
            answer.met.update(event.id for event in asked if event.id in watched)
            settled = [event for event in asked if event.created_at <= moment.until]
            ahead = [event for event in asked if event.created_at > moment.wall + _AHEAD]
            await batch.add(settled + ahead)
            way.note(settled)
            answer.note(settled, asked_of)
            if way.walk.past(question.since):
                break


async def _stood_still(flatfile: Flatfile, question: Question, walk: Walk) -> bool:
    """Whether the first page is the same still, but for its last events, which may be pushed on.

    Where events are forgotten at the front while pages are turned, others move up to pages that
    were turned already. Newest first there is nothing in front that could go.
    """
    now: set[str] = set()
    async with aclosing(_pages(flatfile, question)) as pages:
        async for page in pages:
            now = {event.id for event in page}
            break
    kept = sum(key in now for key in walk.first)
    pushed = len(walk.first) - kept <= len(now.difference(walk.first))
    return pushed and kept > 0 and now.issuperset(walk.first[:kept])


def _pages(flatfile: Flatfile, question: Question) -> AsyncGenerator[tuple[RawEvent, ...], None]:
    return flatfile.raw_events(
        question.since,
        environment_id=question.environment_id,
        topic=question.topic,
        page_size=question.page_size,
    )
