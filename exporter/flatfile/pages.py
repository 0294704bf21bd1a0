"""One listing, page after page, with one page size."""

from collections.abc import AsyncIterator, Hashable
from typing import Generic, TypeVar

from exporter.errors import Malformed
from exporter.flatfile.client import Client
from exporter.flatfile.listing import Listing, Page
from exporter.flatfile.sizes import LEFT_OUT, Lessons
from exporter.flatfile.wire import Params

T = TypeVar("T")

MOST = 100_000
"""Pages. No account has as many; a server that never sends an empty page must not hold us."""

_BASES = frozenset({0, 1})


class Pages(Generic[T]):
    """Pages by index: 0 is the first, whatever the server calls it.

    The first one is asked for without a number, so that it does not matter whether the server
    counts from 0 or from 1 (from 1 by every example, stated nowhere: API notes, section 4).
    """

    def __init__(
        self, client: Client, listing: Listing[T], params: Params, size: int, lessons: Lessons
    ) -> None:
        self.listing = listing
        self.size = size
        self._client = client
        self._params = params
        self._lessons = lessons

    async def at(self, index: int) -> Page[T]:
        """Any index but 0 needs :meth:`number` first, or a page object that says the base."""
        if index == 0:
            return await self._ask(None)
        return await self._ask(index + (1 if self._lessons.base is None else self._lessons.base))

    def keys(self, page: Page[T]) -> tuple[Hashable, ...]:
        return tuple(map(self.listing.key, page.items))

    async def number(self, first: Page[T]) -> bool:
        """Find out by what number the second page goes; False if there is none.

        By the page object, else, once for a route, by asking for number 1.
        """
        lessons = self._lessons
        if lessons.base is None and first.pagination and first.pagination.current in _BASES:
            lessons.base = first.pagination.current
        if lessons.base is None:
            one = await self._ask(1)
            if not one.items:
                return False
            lessons.base = 1 if self.overlap(one, first) else 0
        return True

    def overlap(self, one: Page[T], other: Page[T]) -> bool:
        """Whether they are the same page, give or take what came or went between the two.

        Half of it: single items may be listed twice, and on neighbouring pages. An empty page is
        the same as none: it follows the last one, whatever the server counts from.
        """
        mine = set(self.keys(one))
        return bool(mine) and 2 * len(mine.intersection(self.keys(other))) >= len(mine)

    def misnumbered(self, second: Page[T], first: Page[T]) -> bool:
        """Whether counting from 0 gave the first page again; if so, it is unlearned."""
        wrong = self._lessons.base == 0 and self.overlap(second, first)
        if wrong:
            self._lessons.base = 1
        return wrong

    async def after(self, first: Page[T], begin: int = 1) -> AsyncIterator[Page[T]]:
        """The pages from ``begin`` on, one after another, until there are no more.

        That is until an empty page, or one that repeats the one before it: such a server ignores
        ``pageNumber``, or stays on its last page. A short page says nothing, because a clamped
        size makes every page short (API notes, section 4.1).
        """
        if not first.items or not await self.number(first):
            return
        before = self.keys(first) if begin == 1 else ()
        for index in range(begin, MOST):
            page = await self.at(index)
            if index == 1 and self.misnumbered(page, first):
                page = await self.at(index)
            now = self.keys(page)
            if not page.items or now == before:
                return
            yield page
            before = now
        raise endless(self.listing)

    async def _ask(self, number: int | None) -> Page[T]:
        params = dict(self._params)
        if self.size != LEFT_OUT:
            params["pageSize"] = self.size
        if number is not None:
            params["pageNumber"] = number
        page = await self._client.get(self.listing.route, params, self.listing.shape)
        return self.listing.checked(page)


def endless(listing: Listing[T]) -> Malformed:
    return Malformed(
        f"GET {listing.route.path} promises or sends more pages than any account has; given up."
        " If the account is really that large, report it"
    )
