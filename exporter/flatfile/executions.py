"""Executions of agents, from the newest end of a listing whose order nobody knows."""

from collections.abc import AsyncIterator
from typing import Literal

from exporter.flatfile.listing import Page
from exporter.flatfile.models import Execution
from exporter.flatfile.pages import Pages

Order = Literal["newest_first", "oldest_first", "none"]


_CLEAR = 0.75  # of the pairs: a listing by end or by arrival is not quite one by begin


def order(items: tuple[Execution, ...]) -> Order:
    """What one page shows of the order of all; a page of one moment shows nothing.

    Compared half a page apart: several agents handle one event and begin in any order, so that
    neighbours say little.
    """
    times = [item.created_at for item in items]
    apart = list(zip(times, times[-(-len(times) // 2) :], strict=False))
    falls = sum(a > b for a, b in apart)
    rises = sum(a < b for a, b in apart)
    if falls > _CLEAR * (falls + rises):
        return "newest_first"
    return "oldest_first" if rises > _CLEAR * (falls + rises) else "none"


async def recent(
    pages: Pages[Execution], first: Page[Execution], since: float
) -> AsyncIterator[tuple[Execution, ...]]:
    """At least all executions since then (Unix seconds), pages in any order."""
    count = (first.pagination and first.pagination.pages) or 1
    found = order(first.items)
    if found == "oldest_first" and count > 1 and await pages.number(first) == "more":
        async for items in _backwards(pages, first, count, since):
            yield items
        return
    yield first.items
    if found == "newest_first" and _older(first.items, since):
        return
    async for page in pages.after(first):
        yield page.items
        if found == "newest_first" and _older(page.items, since):
            return


async def _backwards(
    pages: Pages[Execution], first: Page[Execution], count: int, since: float
) -> AsyncIterator[tuple[Execution, ...]]:
    """From the last page towards the first; before that, past the last if that is not certain."""
    if len(first.items) < pages.size or not pages.size:
        # Clamped: the page count may have been reckoned with the size that was asked for.
        async for page in pages.after(first, count):
            yield page.items
    for index in range(count - 1, 0, -1):
        page = await pages.at(index)
        if page.items:
            yield page.items
            if _older(page.items, since):
                return
    yield first.items


def _older(items: tuple[Execution, ...], since: float) -> bool:
    return all(item.created_at < since for item in items)
