"""Reading a whole listing once, and proving that it stood still meanwhile."""

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

from exporter.errors import Malformed, RoundError
from exporter.flatfile.listing import Page
from exporter.flatfile.pages import MOST, Pages, endless

T = TypeVar("T")

MOST_ITEMS = 1_000_000
"""Of one listing. Bounds the memory if a server invents items for ever."""


class Moved(Exception):
    """The listing changed while it was read: what was read is worth nothing."""


class Reading(Generic[T]):
    """Holds what was read so far: each item once, in the order of the pages."""

    def __init__(self, pages: Pages[T], workers: int) -> None:
        self._pages = pages
        self._workers = workers
        self._items: dict[Hashable, T] = {}
        self._filled = 0  # pages with something in them

    async def whole(self) -> tuple[T, ...]:
        """Every item of the listing. Raises Moved, or a leaf of RoundError."""
        first = await self._pages.at(0)
        self._keep(first)
        total, count = _promise(first)
        if total is not None and total == len(self._items):
            return tuple(self._items.values())
        if total is None and count is None:
            await self._walk(first, 1, None)
        else:
            await self._numbered(first, total, count or 1)
        await self._prove(first, total)
        return tuple(self._items.values())

    async def _numbered(self, first: Page[T], total: int | None, count: int) -> None:
        """With a page object: the pages it promises at once, then what it forgot."""
        if count > MOST or (total or 0) > MOST_ITEMS:
            raise endless(self._pages.listing)
        ended = not first.items
        if not ended and count > 1:
            beyond = await self._pages.number(first)
            if beyond == "ignored":
                self._ignored(first)
                ended = True
            elif beyond == "more":
                ended = await self._at_once(first, count)
        if not ended and (total is None or len(self._items) != total):
            # `pageCount` may have been reckoned with the size that was asked for, and clamped.
            await self._walk(first, count, total)

    async def _at_once(self, first: Page[T], count: int) -> bool:
        """True if a page was empty or did not follow its number: there is nothing after it."""
        found = await self._promised(first, count)
        verdict = await self._pages.judge(found[1], first)
        if verdict == "ignored":
            self._ignored(first)
            return True
        if verdict != "second":
            raise Moved
        for index in sorted(found):
            self._keep(found[index])
        return not all(page.items for page in found.values())

    async def _promised(self, first: Page[T], count: int) -> dict[int, Page[T]]:
        """The pages after the first. A fixed number of workers share them: no task for each.

        What is promised and what comes may differ: nothing is held beyond what can be true, and a
        server that ignores numbers is not asked for all of them.
        """
        numbers = iter(range(1, count))
        found: dict[int, Page[T]] = {}
        failures: list[RoundError] = []
        held, ignored = len(first.items), False

        async def work() -> None:
            nonlocal held, ignored
            for index in numbers:
                if failures or ignored:
                    return
                try:
                    found[index] = page = await self._pages.at(index)
                except RoundError as error:
                    failures.append(error)
                    return
                held += len(page.items)
                if held > MOST_ITEMS:
                    failures.append(endless(self._pages.listing))
                ignored |= index == 1 and self._repeats(page, first)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._workers, count - 1)):
                group.create_task(work())
        if failures:
            raise failures[0]
        return found

    def _repeats(self, page: Page[T], first: Page[T]) -> bool:
        return self._pages.keys(page) == self._pages.keys(first)

    async def _walk(self, first: Page[T], begin: int, total: int | None) -> None:
        async for page in self._pages.after(first, begin):
            self._keep(page)
            if total is not None and len(self._items) == total:
                return

    def _ignored(self, first: Page[T]) -> None:
        """Every number gives the first page: fine if that is all there is."""
        total, _ = _promise(first)
        if total is not None and total > len(first.items):
            raise Malformed(
                f"GET {self._pages.listing.route.path} ignores pageNumber and says that there is"
                " more than it sends: the listing cannot be read whole; report it"
            )

    def _keep(self, page: Page[T]) -> None:
        keys = self._pages.keys(page)
        expected = len(self._items) + len(keys)
        self._items.update(zip(keys, page.items, strict=True))
        if len(self._items) != expected:
            raise Moved
        if expected > MOST_ITEMS:
            raise endless(self._pages.listing)
        self._filled += 1 if keys else 0

    async def _prove(self, first: Page[T], total: int | None) -> None:
        """Read the first page again, unless a single page was all there could be.

        A count that disagrees is no proof of a change: it may count what is hidden.
        """
        agrees = total is None or total == len(self._items)
        full = len(first.items) >= (self._pages.size or len(first.items))
        if self._filled <= 1 and agrees and not (first.items and full):
            return
        again = await self._pages.at(0)
        if self._pages.keys(again) != self._pages.keys(first) or _promise(again) != _promise(first):
            raise Moved


def _promise(page: Page[T]) -> tuple[int | None, int | None]:
    """How many items and how many pages the server says there are."""
    if page.pagination is None:
        return None, None
    total, count = page.pagination.total, page.pagination.pages
    if count is None and total and page.items:
        count = -(-total // len(page.items))
    return total, count
