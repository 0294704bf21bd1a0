"""Reading a feed of timed things so that each is counted exactly once.

A feed is asked from a little before its cursor, so that what became visible late is met again;
what was counted already is known by its key. Each page is committed as it comes, and the cursor
moves only after the last page: a kill in between costs a repetition, never a number.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial

from exporter.state import tally
from exporter.state.store import Store


async def read(
    store: Store,
    pages: Callable[[float], AsyncIterator[Iterable[tally.Item]]],
    *,
    feed: str,
    cursor: str,
    first: tally.Cursor,
    overlap: float,
    wall: float,
) -> None:
    """Count everything since the cursor, and move it.

    ``pages(since)`` asks; ``first`` is what a new cursor is; ``wall`` is Unix time now. The
    mark follows the server's own times, held back by our clock: one thing dated in the future
    must not make all the others late.
    """
    begun = await store.run(partial(tally.cursor, name=cursor, first=first))
    mark = begun.mark
    async for page in pages(begun.mark - overlap):
        items = tuple(page)
        await store.run(partial(tally.count, feed=feed, items=items, origin=begun.origin))
        mark = max([mark, *(item.at for item in items if item.at <= wall)])
    await store.run(partial(tally.advance, name=cursor, mark=mark))
