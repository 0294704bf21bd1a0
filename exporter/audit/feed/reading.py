"""Asking one question to its end."""

from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from exporter.audit.feed.batch import Batch, Blocked
from exporter.audit.feed.way import Way
from exporter.errors import ListChanged, RoundError, StorageFailed
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.walk import Walk

ANCHORS = 5
"""The newest events of an environment that are remembered."""

_AHEAD = 300.0  # seconds; what is dated further in the future will not settle in a sensible time
_WALKS = 60  # a feed that never falls quiet is read on in the next round


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


def _most(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def _least(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


@dataclass(slots=True, kw_only=True)
class Answer:
    """What a question came to; all times are Unix seconds.

    ``newest`` is of the events that have settled, ``oldest`` of all from ``since`` on. Where it is
    not ``whole``, ``upto`` is the time up to which everything was read in spite of that (the pages
    came strictly oldest first), and ``reached`` that down to which it was (newest first). ``met``
    are the watched events that were shown, ``anchors`` the newest ones by environment as (time, id).
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

    def note(self, settled: Iterable[RawEvent], asked_of: str) -> None:
        """These were handed on."""
        for event in settled:
            at = event.created_at
            self.newest = _most(self.newest, at)
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
        """Add what another question about the same scope came to."""
        self.pages += other.pages
        self.added += other.added
        self.newest = _most(self.newest, other.newest)
        self.oldest = _least(self.oldest, other.oldest)
        self.met |= other.met
        self.topics |= other.topics
        for environment_id, kept in other.anchors.items():
            mine = {*self.anchors.get(environment_id, ()), *kept}
            self.anchors[environment_id] = sorted(mine)[-ANCHORS:]


async def read(
    flatfile: Flatfile,
    question: Question,
    *,
    batch: Batch,
    moment: Moment,
    watched: Collection[str] = (),
) -> Answer:
    """Walk through all pages, several times where they have no order.

    What was read before a failure is handed on. Raises StorageFailed, and what the ingesting
    raises; failures of the source are in the answer.
    """
    answer = Answer()
    way = Way()
    try:
        for _ in range(_WALKS):
            before = batch.added
            way.begin()
            try:
                await _walk(flatfile, question, way, batch, moment, frozenset(watched), answer)
            except StorageFailed:
                raise
            except RoundError as error:
                answer.error = error
                await batch.flush()
                break
            way.end(news=batch.added > before)
            if way.sure or (way.still and await _stood_still(flatfile, question, way.walk)):
                answer.whole = True
                break
        else:
            answer.error = ListChanged(
                f"GET /events changed its order each time it was read, {_WALKS} times; read again"
                " in the next round"
            )
    except Blocked:
        answer.blocked = True
    except StorageFailed:
        raise
    except RoundError as error:  # of the proof that nothing moved
        answer.error = error
    answer.added = batch.added
    answer.reached = way.walk.reached
    if not answer.whole and not answer.blocked and way.walk.oldest_first:
        answer.upto = answer.newest
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
                answer.oldest = _least(answer.oldest, min(event.created_at for event in asked))
            answer.met.update(event.id for event in asked if event.id in watched)
            settled = [event for event in asked if event.created_at <= moment.until]
            ahead = [event for event in asked if event.created_at > moment.wall + _AHEAD]
            way.trace = hash((way.trace, *(event.id for event in settled)))
            await batch.add(settled + ahead)
            answer.note(settled, asked_of)
            if way.walk.past(question.since):
                break
    await batch.flush()


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
