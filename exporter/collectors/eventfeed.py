"""The event feed as it is counted: what was read of it, and what it shows.

It has no page object, no documented order, no upper bound on time, and an event may become visible
after younger ones (API notes, section 9.1). It is never acknowledged.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from exporter.collectors.contract import Tell
from exporter.collectors.feed import read
from exporter.collectors.sweep import spread
from exporter.errors import BadRequest, NotFound
from exporter.flatfile import topics
from exporter.flatfile.models import Event
from exporter.flatfile.protocol import Flatfile
from exporter.settings.sections import Events
from exporter.state import tally
from exporter.state.store import Store

FEED = "events"
_SAMPLE = 5  # environments asked


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFeed:
    """``wall`` is Unix seconds now, ``newest`` those of the newest event that was counted."""

    flatfile: Flatfile
    store: Store
    settings: Events
    tell: Tell
    wall: float
    newest: float | None

    async def read(self, environment_id: str | None) -> None:
        """Count what the account, or one environment, shows. Raises a leaf of RoundError."""
        cursor = FEED if environment_id is None else f"{FEED}/{environment_id}"

        async def pages(since: float) -> AsyncIterator[Iterable[tally.Item]]:
            async for page in self.flatfile.events(since, environment_id=environment_id):
                self.tell(page, environment_id or "")
                yield [_item(event, environment_id) for event in page]

        await read(
            self.store,
            pages,
            feed=FEED,
            cursor=cursor,
            first=await self._first(environment_id),
            overlap=self.settings.overlap,
            wall=self.wall,
        )

    async def sample(self, environment_ids: Sequence[str]) -> tuple[tally.Item, ...]:
        """Some events of some environments. Raises a leaf of RoundError."""
        cursor = await self._account()
        if cursor is None:
            return ()
        found: list[tally.Item] = []
        # Not from before anything is counted: where the oldest come first, that would be all of it.
        since = max(cursor.origin, cursor.mark - self.settings.window)
        for environment_id in spread(environment_ids, _SAMPLE):
            feed = self.flatfile.events(since, environment_id=environment_id)
            try:
                async for page in feed:
                    found += [_item(event, environment_id) for event in page]
                    break
            except (BadRequest, NotFound):  # no such filter, or the environment is gone
                continue
        return tuple(found)

    async def lacks(self, sample: Sequence[tally.Item]) -> bool:
        """Whether any of them was not counted with the account's."""
        cursor = await self._account()
        if cursor is None:
            return False
        count = partial(tally.uncounted, feed=FEED, items=sample, origin=cursor.origin)
        return bool(await self.store.run(count))

    async def _first(self, environment_id: str | None) -> tally.Cursor:
        """Where a feed begins that was never read."""
        # A clock that is ahead must not begin one in the future, where nothing counts for long.
        begin = min(self.wall, self.wall if self.newest is None else self.newest)
        begin -= self.settings.window
        account = None if environment_id is None else await self._account()
        if account is None:
            return tally.Cursor(origin=begin, mark=begin)
        # An environment's own feed begins where the account's did, as far back as what was
        # counted there can still be told apart.
        return tally.Cursor(
            origin=account.origin, mark=max(account.origin, min(account.mark, begin))
        )

    async def _account(self) -> tally.Cursor | None:
        return await self.store.run(partial(tally.peek, name=FEED))


def _item(event: Event, asked_of: str | None) -> tally.Item:
    return tally.Item(
        key=event.id,
        at=event.created_at,
        environment_id=event.environment_id or asked_of or "",
        topic=topics.label(event.topic),
    )
