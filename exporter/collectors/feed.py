"""Reading a feed of timed things so that each is counted exactly once.

A feed is asked from a little before its cursor, so that what became visible late is met again;
what was counted already is known by its key. The last pages and the cursor are one transaction.
Where there are more than it may hold, or no order, the cursor moves only with or after the last: a
kill in between costs a repetition, never a number.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from exporter.flatfile.walk import Walk
from exporter.state import tally
from exporter.state.store import Store

Pages = Callable[[float], AsyncIterator[Iterable[tally.Item]]]

_QUIET = 4
"""Walks in a row without news that end the reading of a feed without order. A walk over pages in
random order misses a third of the things; what four walks missed, the overlap meets again."""

_BATCH = 10_000
"""Things in one transaction at the least, while there are more: each costs a wait for the disk, and
touches the totals of nearly every environment."""

_MOST = 30  # walks; a feed that never falls quiet is read on in the next round


async def read(
    store: Store,
    pages: Pages,
    *,
    feed: str,
    cursor: str,
    first: tally.Cursor,
    overlap: float,
    wall: float,
) -> None:
    """Count everything since the cursor, and move it.

    ``pages(since)`` asks; ``first`` is what a new cursor is; ``wall`` is Unix time now. The mark
    follows the server's own times, held back by our clock: one thing dated in the future must not
    make all the others late.
    """
    begun = await store.run(partial(tally.cursor, name=cursor, first=first))
    since = begun.mark - overlap
    mark = begun.mark
    quiet = 0
    for _ in range(_MOST):
        walk = Walk()
        batch = _Batch(store, feed, begun.origin)
        ended = False
        try:
            async for page in pages(since):
                items = tuple(page)
                walk.turn([(item.key, item.at) for item in items])
                mark = max([mark, *(item.at for item in items if item.at <= wall)])
                await batch.add(items)
                if walk.past(since):
                    break
            ended = not walk.disorder
        finally:  # what was read before a failure need not be read again
            await batch.commit((cursor, mark) if ended else None)
        if ended:
            return
        quiet = 0 if batch.fresh else quiet + 1
        if quiet >= _QUIET:
            break
    await store.run(partial(tally.advance, name=cursor, mark=mark))


@dataclass(slots=True)
class _Batch:
    """Pages that are committed together; ``fresh`` counts what had not been counted before."""

    store: Store
    feed: str
    origin: float
    fresh: int = 0
    _waiting: list[tally.Item] = field(default_factory=list)

    async def add(self, items: Iterable[tally.Item]) -> None:
        self._waiting += items
        if len(self._waiting) >= _BATCH:
            await self.commit()

    async def commit(self, moved: tuple[str, float] | None = None) -> None:
        """Also of nothing, which costs nothing. ``moved`` is the cursor that goes with it."""
        items, self._waiting = self._waiting, []
        if items or moved:
            count = partial(
                tally.count, feed=self.feed, items=items, origin=self.origin, moved=moved
            )
            self.fresh += await self.store.run(count)
