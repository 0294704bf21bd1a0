"""Events: how many of each topic, of late and ever."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.eventfeed import FEED, EventFeed
from exporter.collectors.eventway import Way, read_account
from exporter.collectors.sweep import shortfall, sweep
from exporter.errors import NotFound
from exporter.families import Sample, counter, gauge, one
from exporter.state import tally

ALWAYS = ("agent:created", "agent:deleted", "agent:updated", "job:completed", "job:failed")
"""Topics that every environment shows from the start, at 0: the first increase of a counter that
appears at 1 is one that no rate or alert ever sees."""

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Counts by environment id and topic; ``newest`` in Unix seconds by environment id."""

    total: Mapping[_Pair, int]
    recent: Mapping[_Pair, int]
    newest: Mapping[str, float]
    window: float
    way: Way


async def look(this: Round[Events]) -> Observation[Events]:
    """One feed for the account if the server allows it, else one for each environment."""
    environments = [environment.id for environment in await this.environments()]
    before = this.previous
    feed = EventFeed(
        flatfile=this.flatfile,
        store=this.store,
        settings=this.settings.events,
        tell=this.tell,
        wall=this.wall,
        newest=max(before.newest.values(), default=None) if before else None,
    )

    async def of_all_shards() -> list[str]:  # this one may have none, or none with events
        return [environment.id for environment in await this.admitted()]

    way = await read_account(
        feed, of_all_shards, before=before.way if before else None, now=this.now
    )
    error = None
    if not way.account_wide:
        swept = await sweep(environments, feed.read, workers=this.settings.api.concurrency)
        failures = {
            key: error
            for key, error in swept.failures.items()
            if not isinstance(error, NotFound)  # deleted since it was listed
        }
        error = shortfall(failures, len(environments), "environments' events")
        if error and not swept.answers:
            raise error
    return Observation(
        data=await _sum_up(this, environments, way),
        error=error,
        plan="account-wide" if way.account_wide else "environment by environment",
    )


async def _sum_up(this: Round[Events], environments: list[str], way: Way) -> Events:
    """Of this shard's environments.

    What was counted of the others waits in the state: should they become this shard's, their
    counts go on, and their window is whole from the start.
    """
    settings = this.settings.events
    owns = this.settings.shard.owns
    since = this.wall - settings.window
    live = {FEED} if way.account_wide else {f"{FEED}/{of}" for of in environments}
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
        way=way,
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
