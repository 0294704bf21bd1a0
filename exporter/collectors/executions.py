"""Agent executions: how often each topic was handled, and how it ended.

Off by default: one more request for each environment and round. An execution has no id of its
own (API notes, section 7), so it is known by the event it handled and by when.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.feed import read
from exporter.collectors.sweep import shortfall, sweep
from exporter.errors import NotFound
from exporter.families import counter
from exporter.flatfile import topics
from exporter.flatfile.models import Execution
from exporter.state import tally

FEED = "executions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Executions:
    """Counts by environment id, topic and result.

    ``newest`` is when the newest of all began, in Unix seconds; None if there is none.
    """

    total: Mapping[tally.Group, int]
    newest: float | None = None


async def look(this: Round[Executions]) -> Observation[Executions]:
    """Each environment by itself; one that fails catches up in a later round."""
    environments = [environment.id for environment in await this.environments()]
    swept = await sweep(environments, partial(_read, this), workers=this.settings.api.concurrency)
    failures = {of: e for of, e in swept.failures.items() if not isinstance(e, NotFound)}
    error = shortfall(failures, len(environments), "environments' executions")
    if error and not swept.answers:
        raise error
    settings = this.settings.events
    since = this.wall - settings.window
    sums = await this.store.run(partial(tally.totals, feed=FEED, since=since, until=this.wall))
    newest = max(sums.newest.values(), default=None)
    await this.store.run(
        partial(
            tally.prune,
            feed=FEED,
            before=min(since, (this.wall if newest is None else newest) - settings.window),
            overlap=settings.overlap,
            live=frozenset(f"{FEED}/{of}" for of in environments),
        )
    )
    owns = this.settings.shard.owns  # the state may know others, from when they were this shard's
    total = {group: n for group, n in sums.total.items() if owns(group[0])}
    return Observation(
        data=Executions(total=total, newest=newest),
        error=error,
        plan="environment by environment",
    )


async def _read(this: Round[Executions], environment_id: str) -> None:
    # A clock that is ahead must not begin a feed in the future, where nothing counts for long.
    newest = this.previous.newest if this.previous else None
    first = (this.wall if newest is None else min(this.wall, newest)) - this.settings.events.window

    async def pages(since: float) -> AsyncIterator[Iterable[tally.Item]]:
        async for page in this.flatfile.executions(environment_id, since):
            yield [_item(execution, environment_id) for execution in page]

    await read(
        this.store,
        pages,
        feed=FEED,
        cursor=f"{FEED}/{environment_id}",
        first=tally.Cursor(origin=first, mark=first),
        overlap=this.settings.events.overlap,
        wall=this.wall,
    )


def _item(execution: Execution, environment_id: str) -> tally.Item:
    when = f"{execution.created_at:.3f}/{execution.completed_at or 0.0:.3f}"
    return tally.Item(
        key=f"{FEED}/{environment_id}/{execution.event_id}/{when}",
        at=execution.created_at,
        environment_id=environment_id,
        topic=topics.label(execution.topic),
        result="success" if execution.success else "failure",
    )


COLLECTOR = Collector(
    name="executions",
    look=look,
    families=(
        counter(
            "flatfile_agent_executions_total",
            "Agent executions since the state was created, by result.",
            lambda seen: seen.total.items(),
            ("environment_id", "topic", "result"),
        ),
    ),
)
