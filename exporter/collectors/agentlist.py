"""The agents of one environment: how to ask for them, and what an answer is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.errors import BadRequest
from exporter.flatfile.models import Agent
from exporter.flatfile.protocol import Flatfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The agents of one environment, system agents among them.

    ``at`` is loop time and ``wall`` Unix time of the listing.
    """

    agents: tuple[Agent, ...]
    at: float
    wall: float

    @property
    def deployed(self) -> tuple[Agent, ...]:
        """Without the agents that Flatfile itself put there."""
        return tuple(agent for agent in self.agents if not agent.system)


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
    filter_known: bool = False


def newest(shown: Agents, seen: Agents, since: float) -> Agents:
    """What a round saw, but for environments that were asked again later than the round did.

    ``since`` is the loop time at which the round began.
    """
    later = {of: listing for of, listing in shown.listings.items() if listing.at > since}
    return with_listings(seen, later)


def with_listings(agents: Agents, listings: Mapping[str, Listing]) -> Agents:
    """The same with those of these listings that are newer."""
    newer = {
        of: listing
        for of, listing in listings.items()
        if of not in agents.listings or listing.at > agents.listings[of].at
    }
    if not newer:
        return agents
    return replace(agents, listings=dict(sorted({**agents.listings, **newer}.items())))


@dataclass(slots=True)
class Asker:
    """Asks about one environment with as few questions as are known to be enough.

    Whether a listing without ``isSystem`` holds the system agents is not documented (API notes,
    section 7). One such agent in one plain listing proves that it does; until then both
    questions are asked, and every agent's own field decides.

    ``filter_known``: the server has answered the second question. Its refusal later is trouble of
    the moment, and no reason to take the agents that only it lists for lost.
    """

    flatfile: Flatfile
    plain_lists_all: bool
    filter_known: bool = False

    async def ask(self, environment_id: str) -> tuple[Agent, ...]:
        plain = await self.flatfile.agents(environment_id)
        if any(agent.system for agent in plain):
            self.plain_lists_all = True
        if self.plain_lists_all:
            return plain
        try:
            system = await self.flatfile.agents(environment_id, system=True)
        except BadRequest:
            if self.filter_known:
                raise
            # Is it the filter, which is newer than some servers, or whatever is asked right now?
            plain = await self.flatfile.agents(environment_id)
            self.plain_lists_all = True
            return plain
        self.filter_known = True
        return tuple({agent.id: agent for agent in (*plain, *system)}.values())
