"""Whole listings and endless feeds, right under everything that is unknown about paging."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from exporter.errors import BadRequest, ListChanged, TooLarge
from exporter.flatfile.client import Client
from exporter.flatfile.listing import Listing, Page
from exporter.flatfile.pages import Pages
from exporter.flatfile.reading import Moved, Reading
from exporter.flatfile.routes import Route
from exporter.flatfile.sizes import Lessons, smaller
from exporter.flatfile.wire import Params

T = TypeVar("T")
R = TypeVar("R")

READINGS = 4
"""Of one listing, before it is given up as restless; the next round tries again."""

_SHORTEST, _LONGEST = 0.1, 1.0  # seconds between two readings


class Pager:
    """Remembers for each route what was learned about its pages."""

    def __init__(self, client: Client, page_size: int, workers: int) -> None:
        """``workers`` is how many pages of one listing are asked for at once, at most."""
        self._client = client
        self._workers = max(1, workers)
        self._lessons = {route: Lessons(page_size) for route in Route}

    async def whole(self, listing: Listing[T], params: Params) -> tuple[T, ...]:
        """Every item, each once. Raises ListChanged if it never stood still."""
        return await self._fitting(listing, params, self._settled)

    async def first(self, listing: Listing[T], params: Params) -> Page[T]:
        """The first page alone."""
        _, page = await self.begin(listing, params)
        return page

    async def begin(self, listing: Listing[T], params: Params) -> tuple[Pages[T], Page[T]]:
        """The first page, and where to ask for others of the same size."""
        return await self._fitting(listing, params, _with_first)

    async def feed(
        self, listing: Listing[T], params: Params, most: int | None = None
    ) -> AsyncIterator[Page[T]]:
        """Pages until there are no more. An item may come twice, and all of them again.

        That is when a later page is too large: with another size no number means the same. With
        ``most``, the largest page size to ask for, that is left to the caller, as TooLarge.
        """
        while True:
            lessons = self._lessons[listing.route]
            try:
                pages, first = await self._fitting(listing, params, _with_first, most)
                yield first
                async for page in pages.after(first):
                    yield page
            except TooLarge as error:
                size = smaller(lessons.size, error)
                if size is None or most is not None:
                    raise
                self._client.retried("page_size")
                lessons.works(size)
            else:
                return

    async def _settled(self, pages: Pages[T]) -> tuple[T, ...]:
        for left in reversed(range(READINGS)):
            try:
                return await Reading(pages, self._workers).whole()
            except Moved:
                if left:
                    self._client.retried(ListChanged.reason)
                    await asyncio.sleep(self._client.rng.uniform(_SHORTEST, _LONGEST))
        raise ListChanged(
            f"GET {pages.listing.route.path} changed each time while it was read, {READINGS} times;"
            " read again in the next round"
        )

    async def _fitting(
        self,
        listing: Listing[T],
        params: Params,
        read: Callable[[Pages[T]], Awaitable[R]],
        most: int | None = None,
    ) -> R:
        """Read with the page size that is known to work, or with smaller ones until one does.

        Now and then with a larger one first.
        """
        lessons = self._lessons[listing.route]
        known = lessons.size
        size = known if lessons.is_futile(params) else lessons.attempt()
        if most is not None:
            size, known = min(size, most), min(known, most)
        attempting = size != known
        while True:
            try:
                result = await read(Pages(self._client, listing, params, size, lessons))
            except (BadRequest, TooLarge) as error:
                refused = isinstance(error, BadRequest)
                following: int | None = known
                if not attempting:
                    if lessons.is_futile(params) if refused else most is not None:
                        raise
                    following = smaller(size, error)
                attempting = False
                if following is None:
                    if refused:
                        lessons.futile(params)
                    raise
                self._client.retried("page_size")
                size = following
            else:
                if size != known:
                    lessons.works(size)
                return result


async def _with_first(pages: Pages[T]) -> tuple[Pages[T], Page[T]]:
    return pages, await pages.at(0)
