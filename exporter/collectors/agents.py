"""Agents, environment by environment: the reason this exporter exists."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from exporter.collectors.agentlist import Asker, Listing
from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.doubt import doubted
from exporter.collectors.sweep import Swept, shortfall, sweep
from exporter.errors import NotFound, StorageFailed
from exporter.families import Sample, gauge, info
from exporter.flatfile.models import Agent
from exporter.flatfile.whole import Whole
from exporter.state import sightings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    """``last_seen`` is None while the state that remembers it cannot be read.

    ``doubted`` lost their agents together with most others in the newest round; their listings
    are those of the round before.
    """

    listings: Mapping[str, Listing]
    doubted: frozenset[str]
    last_seen: Mapping[str, float] | None
    plain_lists_all: bool


async def look(this: Round[Agents]) -> Observation[Agents]:
    """Each environment by itself; one that fails keeps its last listing for a while."""
    environments = await this.environments()
    before = this.previous
    asker = Asker(this.flatfile, before.plain_lists_all if before else False)
    swept = await sweep(
        [environment.id for environment in environments],
        asker.ask,
        workers=this.settings.api.concurrency,
    )
    await _forgive_deleted(this, swept)
    error = shortfall(swept.failures, len(environments), "environments' agents")
    if error and not swept.answers:
        raise error
    old = before.listings if before else {}
    doubts = _doubts(before, swept)
    for environment_id in doubts:
        del swept.answers[environment_id]
    for environment_id, agents in swept.answers.items():
        this.offer(
            Whole(
                things=agents,
                kind=Agent,
                wall=this.wall,
                environment_ids=frozenset({environment_id}),
            )
        )
    listings = {
        environment.id: listing
        for environment in environments
        if (listing := _listing(this, swept, old, environment.id)) is not None
    }
    return Observation(
        data=Agents(
            listings=listings,
            doubted=doubts,
            last_seen=await _last_seen(this, swept),
            plain_lists_all=asker.plain_lists_all,
        ),
        error=error,
        plan="environment by environment"
        + ("" if asker.plain_lists_all else ", system agents asked for apart"),
    )


def _listing(
    this: Round[Agents],
    swept: Swept[str, tuple[Agent, ...]],
    old: Mapping[str, Listing],
    environment_id: str,
) -> Listing | None:
    if environment_id in swept.answers:
        return Listing(agents=swept.answers[environment_id], at=this.now, wall=this.wall)
    kept = old.get(environment_id)
    return kept if kept and this.now - kept.at <= this.retain else None


def _doubts(before: Agents | None, swept: Swept[str, tuple[Agent, ...]]) -> frozenset[str]:
    if before is None:
        return frozenset()
    had = {of for of, listing in before.listings.items() if listing.deployed}
    gone = {
        of
        for of, agents in swept.answers.items()
        if of in had and all(agent.system for agent in agents)
    }
    doubts = doubted(gone, had, before.doubted)
    if doubts:
        log.warning("agents_doubted", environments=len(doubts), of=len(had))
    return doubts


async def _forgive_deleted(this: Round[Agents], swept: Swept[str, tuple[Agent, ...]]) -> None:
    """An environment that was deleted since it was listed has not failed. Look again to be sure."""
    missing = [key for key, error in swept.failures.items() if isinstance(error, NotFound)]
    if not missing:
        return
    exist = {e.id for e in await this.directory.environments(this.flatfile, max_age=0)}
    for environment_id in missing:
        if environment_id not in exist:
            del swept.failures[environment_id]


async def _last_seen(
    this: Round[Agents], swept: Swept[str, tuple[Agent, ...]]
) -> Mapping[str, float] | None:
    """Remember who has an agent now. Without the state nothing is known of before: not 0."""
    having = [
        environment_id
        for environment_id, agents in swept.answers.items()
        if any(not agent.system for agent in agents)
    ]
    try:
        return await this.store.run(partial(sightings.seen, environment_ids=having, now=this.wall))
    except StorageFailed:  # counted where the state is the point, and said by the store
        return None


def _each(value: Callable[[Listing], float]) -> Callable[[Agents], Iterable[Sample]]:
    """A family with one value for each environment listed."""
    return lambda seen: [((of,), value(listing)) for of, listing in seen.listings.items()]


def _each_agent(value: Callable[[Agent], float]) -> Callable[[Agents], Iterable[Sample]]:
    return lambda seen: [
        ((of, agent.id), value(agent))
        for of, listing in seen.listings.items()
        for agent in listing.agents
    ]


def _last_seen_samples(seen: Agents) -> Iterable[Sample]:
    for of, listing in seen.listings.items():
        if seen.last_seen is not None:
            yield (of,), seen.last_seen.get(of, 0.0)
        elif listing.deployed:
            yield (of,), listing.wall


COLLECTOR = Collector(
    name="agents",
    look=look,
    essential=True,
    families=(
        gauge(
            "flatfile_environment_agents",
            "Deployed agents that are not system agents.",
            _each(lambda listing: len(listing.deployed)),
            ("environment_id",),
        ),
        gauge(
            "flatfile_environment_system_agents",
            "System agents.",
            _each(lambda listing: len(listing.agents) - len(listing.deployed)),
            ("environment_id",),
        ),
        info(
            "flatfile_agent_info",
            "Slug and compiler of an agent.",
            ("environment_id", "agent_id", "slug", "compiler"),
            lambda seen: [
                (of, agent.id, agent.slug or "", agent.compiler or "")
                for of, listing in seen.listings.items()
                for agent in listing.agents
            ],
        ),
        gauge(
            "flatfile_agent_created_timestamp_seconds",
            "When an agent was first deployed.",
            _each_agent(lambda agent: agent.created_at),
            ("environment_id", "agent_id"),
        ),
        gauge(
            "flatfile_agent_updated_timestamp_seconds",
            "When an agent was last deployed.",
            _each_agent(lambda agent: agent.updated_at),
            ("environment_id", "agent_id"),
        ),
        gauge(
            "flatfile_environment_agent_last_seen_timestamp_seconds",
            "When the environment was last seen to have an agent; 0 if never. Kept over restarts.",
            _last_seen_samples,
            ("environment_id",),
        ),
        gauge(
            "flatfile_environment_last_success_timestamp_seconds",
            "When the agents of the environment were last listed in full.",
            _each(lambda listing: listing.wall),
            ("environment_id",),
        ),
    ),
)
