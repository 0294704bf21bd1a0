"""Events: how many of each topic, of late and ever.

The feed has no page object, no documented order, no upper bound on time, and an event may become
visible after younger ones (API notes, section 9.1). It is never acknowledged.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.feed import read
from exporter.collectors.sweep import shortfall, spread, sweep
from exporter.errors import BadRequest, Forbidden, NotFound
from exporter.families import Sample, counter, gauge, one
from exporter.flatfile import topics
from exporter.flatfile.models import Event
from exporter.state import tally

FEED = "events"
ALWAYS = ("agent:created", "agent:deleted", "agent:updated", "job:completed", "job:failed")
"""Topics that every environment shows from the start, at 0: the first increase of a counter that
appears at 1 is one that no rate or alert ever sees."""

_REFUSED = 300.0  # seconds until a feed that was refused is tried again
_SAMPLE = 5  # environments asked to confirm that the account's feed is that of all

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Counts by environment id and topic; ``newest`` in Unix seconds by environment id."""

    total: Mapping[_Pair, int]
    recent: Mapping[_Pair, int]
    newest: Mapping[str, float]
    window: float
    account_wide: bool
    refused_at: float | None = None
    """Loop time at which the account's own feed was last refused, if that is why it is not used."""
    unproven_at: float | None = None
    """Loop time at which that feed was taken for that of all although nothing spoke for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Whether the account's own feed serves, and since when that is not quite certain."""

    account_wide: bool
    refused_at: float | None = None
    unproven_at: float | None = None


async def look(this: Round[Events]) -> Observation[Events]:
    """One feed for the account if the server allows it, else one for each environment."""
    environments = [environment.id for environment in await this.environments()]
    way = await _read_account(this)
    account_wide = way.account_wide
    error = None
    if not account_wide:
        swept = await sweep(
            environments, partial(_read, this), workers=this.settings.api.concurrency
        )
        failures = {
            key: error
            for key, error in swept.failures.items()
            if not isinstance(error, NotFound)  # deleted since it was listed
        }
        error = shortfall(failures, len(environments), "environments' events")
        if error and not swept.answers:
            raise error
    return Observation(
        data=replace(
            await _sum_up(this, environments, account_wide),
            refused_at=way.refused_at,
            unproven_at=way.unproven_at,
        ),
        error=error,
        plan="account-wide" if account_wide else "environment by environment",
    )


async def _read_account(this: Round[Events]) -> _Way:
    """Whether the account's own feed can be had, and is that of all its environments.

    One refusal may be trouble of the moment, and so may be silence.
    """
    before = this.previous
    if before is not None and not before.account_wide:
        at = before.refused_at
        if at is None or this.now - at < _REFUSED:
            return _Way(account_wide=False, refused_at=at)
    try:
        await _read(this, None)
    except (BadRequest, Forbidden):
        return _Way(account_wide=False, refused_at=this.now)
    if before is not None and before.account_wide:
        at = before.unproven_at
        if at is None or this.now - at < _REFUSED:
            return _Way(account_wide=True, unproven_at=at)
    return await _judged(this)


async def _judged(this: Round[Events]) -> _Way:
    # Of all shards': a shard may have no environment, or none with events.
    environments = [environment.id for environment in await this.admitted()]
    sample = await _sample(this, environments)
    if await _uncounted(this, sample):
        # What an environment has and the account has not may have happened in between: look again.
        await _read(this, None)
        if await _uncounted(this, sample):
            return _Way(account_wide=False)
    shown = {item.environment_id for item in sample}
    proven = len(shown) > 1 or shown == set(environments)
    return _Way(account_wide=True, unproven_at=None if proven else this.now)


async def _sample(this: Round[Events], environments: Sequence[str]) -> tuple[tally.Item, ...]:
    """Some events of some environments, which have to be among the account's.

    That the question without an environment is answered for all of them is a promise of prose
    only (API notes, sections 9.1 and 14.2).
    """
    cursor = await this.store.run(partial(tally.peek, name=FEED))
    if cursor is None:
        return ()
    found: list[tally.Item] = []
    # Not from before anything is counted: where the oldest come first, that would be all of it.
    since = max(cursor.origin, cursor.mark - this.settings.events.window)
    for environment_id in spread(environments, _SAMPLE):
        feed = this.flatfile.events(since, environment_id=environment_id)
        try:
            async for page in feed:
                found += [_item(event, environment_id) for event in page]
                break
        except (BadRequest, NotFound):  # no such filter, or the environment is gone
            continue
    return tuple(found)


async def _uncounted(this: Round[Events], sample: Sequence[tally.Item]) -> bool:
    """Whether any of them was not counted with the account's."""
    cursor = await this.store.run(partial(tally.peek, name=FEED))
    if cursor is None:
        return False
    count = partial(tally.uncounted, feed=FEED, items=sample, origin=cursor.origin)
    return bool(await this.store.run(count))


async def _read(this: Round[Events], environment_id: str | None) -> None:
    settings = this.settings.events
    # A clock that is ahead must not begin a feed in the future, where nothing counts for long.
    seen = this.previous.newest.values() if this.previous else ()
    begin = min(this.wall, max(seen, default=this.wall)) - settings.window
    first = tally.Cursor(origin=begin, mark=begin)
    if environment_id is not None:
        # An environment's own feed begins where the account's did, as far back as what was
        # counted there can still be told apart.
        account = await this.store.run(partial(tally.peek, name=FEED))
        if account is not None:
            mark = max(account.origin, min(account.mark, first.mark))
            first = tally.Cursor(origin=account.origin, mark=mark)

    async def pages(since: float) -> AsyncIterator[Iterable[tally.Item]]:
        async for page in this.flatfile.events(since, environment_id=environment_id):
            this.tell(page, environment_id or "")
            yield [_item(event, environment_id) for event in page]

    await read(
        this.store,
        pages,
        feed=FEED,
        cursor=FEED if environment_id is None else f"{FEED}/{environment_id}",
        first=first,
        overlap=settings.overlap,
        wall=this.wall,
    )


def _item(event: Event, asked_of: str | None) -> tally.Item:
    return tally.Item(
        key=event.id,
        at=event.created_at,
        environment_id=event.environment_id or asked_of or "",
        topic=topics.label(event.topic),
    )


async def _sum_up(this: Round[Events], environments: Sequence[str], account_wide: bool) -> Events:
    """Of this shard's environments.

    What was counted of the others waits in the state: should they become this shard's, their
    counts go on, and their window is whole from the start.
    """
    settings = this.settings.events
    owns = this.settings.shard.owns
    since = this.wall - settings.window
    live = {FEED} if account_wide else {f"{FEED}/{of}" for of in environments}
    sums = await this.store.run(partial(tally.totals, feed=FEED, since=since, until=this.wall))
    # By the server's times as well: a clock that is ahead for a while must not empty the window.
    newest_of_all = max(sums.newest.values(), default=this.wall)
    await this.store.run(
        partial(
            tally.prune,
            feed=FEED,
            before=min(since, newest_of_all - settings.window),
            overlap=settings.overlap,
            live=frozenset(live),
        )
    )
    zeros = {(of, topic): 0 for of in environments for topic in ALWAYS}
    newest: dict[str, float] = {}
    for (of, _, _), at in sums.newest.items():
        if owns(of):
            newest[of] = max(at, newest.get(of, at))
    return Events(
        total={**zeros, **_by_pair(sums.total, owns)},
        recent={**zeros, **_by_pair(sums.recent, owns)},
        newest=newest,
        window=settings.window,
        account_wide=account_wide,
    )


def _by_pair(counts: Mapping[tally.Group, int], owns: Callable[[str], bool]) -> dict[_Pair, int]:
    return {(of, topic): n for (of, topic, _), n in counts.items() if owns(of)}


def _pairs(counts: Mapping[_Pair, int]) -> Iterable[Sample]:
    return counts.items()


COLLECTOR = Collector(
    name="events",
    look=look,
    families=(
        gauge(
            "flatfile_recent_events",
            "Events whose time lies within the trailing window.",
            lambda seen: _pairs(seen.recent),
            ("environment_id", "topic"),
        ),
        gauge(
            "flatfile_recent_events_window_seconds",
            "The trailing window of flatfile_recent_events.",
            lambda seen: one(seen.window),
        ),
        counter(
            "flatfile_events_total",
            "Events since the state was created (its first cursor stands one window in the past).",
            lambda seen: _pairs(seen.total),
            ("environment_id", "topic"),
        ),
        gauge(
            "flatfile_environment_last_event_timestamp_seconds",
            "Time of the newest event.",
            lambda seen: [((of,), at) for of, at in seen.newest.items()],
            ("environment_id",),
        ),
    ),
)
