"""One listing, page after page, with one page size."""

from collections.abc import AsyncIterator, Hashable
from typing import Generic, Literal, TypeVar

from exporter.errors import Malformed
from exporter.flatfile.client import Client
from exporter.flatfile.listing import Listing, Page
from exporter.flatfile.sizes import LEFT_OUT, Lessons
from exporter.flatfile.wire import Params

T = TypeVar("T")

MOST = 100_000
"""Pages. No account has as many; a server that never sends an empty page must not hold us."""

_BASES = frozenset({0, 1})

Beyond = Literal["more", "nothing", "ignored"]
"""What there is after the first page."""

Verdict = Literal["second", "first", "ignored", "unsure"]
"""``ignored`` are page numbers, or whatever is beyond the last one."""


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
        # What others find out meanwhile would give another meaning to what was asked already.
        self._base = lessons.base

    async def at(self, index: int) -> Page[T]:
        """Any index but 0 needs :meth:`number` first, or a page object that says the base."""
        return await self._ask(index + (self._base or 0) if index else None)

    def keys(self, page: Page[T]) -> tuple[Hashable, ...]:
        return tuple(map(self.listing.key, page.items))

    async def number(self, first: Page[T]) -> Beyond:
        """Find out by what number the second page goes, and whether there is one.

        By the page object, else, once for a route, by asking for number 1.
        """
        if self._base is None and first.pagination and first.pagination.current in _BASES:
            self._learn(first.pagination.current)
        if self._base is None:
            one = await self._ask(1)
            if not one.items:
                return "nothing"
            verdict = await self.judge(one, first)
            if verdict == "ignored":
                return "ignored"
            if verdict == "second":
                self._learn(0)
        return "more"

    async def judge(self, one: Page[T], first: Page[T]) -> Verdict:
        """What the page at index 1 is; that the server counts from 1 is learned here.

        A page that moved on while it was turned looks like the one after it, and the other way
        round. To count from 0 where the server counts from 1 shows a page twice; the reverse skips
        one in each reading. So the latter takes a proof: number 1 is the first page to the letter
        before and after number 2 was another one.
        """
        if self.keys(one) != self.keys(first):
            return "second"
        if self._base == 1:
            return "ignored"
        if self.keys(await self._ask(2)) == self.keys(first):
            return "ignored"
        if self.keys(await self._ask(None)) != self.keys(first):
            return "unsure"
        self._learn(1)
        return "first"

    async def after(self, first: Page[T], begin: int = 1) -> AsyncIterator[Page[T]]:
        """The pages from ``begin`` on, one after another, until there are no more.

        That is until an empty page, or two that repeat the one before them: such a server ignores
        ``pageNumber``, or stays on its last page. One alone does so too where just as many things
        came as a page has. A short page says nothing, because a clamped size makes every page short
        (API notes, section 4.1).
        """
        if not first.items or await self.number(first) != "more":
            return
        before = self.keys(first) if begin == 1 else ()
        repeated = False
        for index in range(begin, MOST):
            page = await self.at(index)
            if index == 1 and self._base != 1:
                verdict = await self.judge(page, first)
                if verdict == "ignored":
                    return
                if verdict == "first":
                    page = await self.at(index)
                elif verdict == "unsure":
                    before = ()
                    continue
            now = self.keys(page)
            if not page.items or (repeated and now == before):
                return
            repeated = now == before
            if not repeated:
                yield page
            before = now
        raise endless(self.listing)

    def _learn(self, base: int) -> None:
        self._base = self._lessons.base = base

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
