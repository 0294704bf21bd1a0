"""Agents, environment by environment: the reason this exporter exists."""

from collections.abc import Callable, Iterable

from exporter.collectors.agentlist import Agents, Listing, newest
from exporter.collectors.agentsweep import again, look
from exporter.collectors.contract import Collector
from exporter.families import Sample, gauge, info
from exporter.flatfile.models import Agent


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
    again=again,
    newest=newest,
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
