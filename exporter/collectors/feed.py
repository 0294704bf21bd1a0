"""Reading a feed of timed things so that each is counted exactly once.

A feed is asked from a little before its cursor, so that what became visible late is met again;
what was counted already is known by its key. Pages are committed as they come, and the cursor
moves only after the last page: a kill in between costs a repetition, never a number.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from exporter.state import tally
from exporter.state.store import Store

Pages = Callable[[float], AsyncIterator[Iterable[tally.Item]]]

_QUIET = 4
"""Walks in a row without news that end the reading of a feed without order. A walk over pages in
random order misses a third of the things; what four walks missed, the overlap meets again."""

_BATCH = 1_000
"""Things in one transaction at the least, while there are more: each costs a wait for the disk."""

_MOST = 30  # walks; a feed that never falls quiet is read on in the next round


@dataclass(slots=True)
class _Walk:
    """One way through all pages, and whether their order stood still meanwhile.

    New things at the front push others on to the next page, whose beginning then repeats the end
    of the page before; nothing is missed. Any other repetition means that things changed places,
    and then others may have been skipped.
    """

    mark: float
    disorder: bool = False
    newest_first: bool = True
    _seen: set[str] = field(default_factory=set)
    _before: Sequence[str] = ()
    _oldest: float = float("inf")

    def turn(self, items: Sequence[tally.Item]) -> None:
        keys = [item.key for item in items]
        repeated = [key for key in keys if key in self._seen]
        if repeated and list(self._before[-len(repeated) :]) != repeated:
            self.disorder = True
        self._seen.update(keys)
        self._before = keys
        for item in items:
            self.newest_first = self.newest_first and item.at <= self._oldest
            self._oldest = item.at

    def past(self, since: float) -> bool:
        """Whether nothing more can come: all so far was newest first, and is older by now.

        A server that ignores ``since`` would otherwise have its whole history read each time.
        """
        return self.newest_first and self._oldest < since


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
        walk = _Walk(mark)
        batch = _Batch(store, feed, begun.origin)
        try:
            async for page in pages(since):
                items = tuple(page)
                walk.turn(items)
                walk.mark = max([walk.mark, *(item.at for item in items if item.at <= wall)])
                await batch.add(items)
                if walk.past(since):
                    break
        finally:
            await batch.commit()  # what was read before a failure need not be read again
        mark = walk.mark
        quiet = 0 if batch.fresh else quiet + 1
        if not walk.disorder or quiet >= _QUIET:
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

    async def commit(self) -> None:
        """Also of nothing, which costs nothing."""
        items, self._waiting = self._waiting, []
        if items:
            count = partial(tally.count, feed=self.feed, items=items, origin=self.origin)
            self.fresh += await self.store.run(count)
