"""Asking for agents: of all environments in turn, or of some again because of an event."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import structlog

from exporter.collectors.agentlist import Agents, Asker, Listing, with_listings
from exporter.collectors.contract import Amendment, Observation, Round
from exporter.collectors.doubt import doubted
from exporter.collectors.sweep import Swept, shortfall, sweep
from exporter.errors import NotFound, StorageFailed
from exporter.flatfile.models import Agent
from exporter.flatfile.whole import Whole
from exporter.state import sightings

log = structlog.get_logger()

_Found = Swept[str, Listing]


async def look(this: Round[Agents]) -> Observation[Agents]:
    """Each environment by itself; one that fails keeps its last listing for a while.

    For no longer where all of them fail from then on: what is shown is replaced by what is left.
    """
    environments = [environment.id for environment in await this.environments()]
    before = this.previous
    asker = _asker(this)
    swept = await sweep(
        environments, partial(_ask, this, asker), workers=this.settings.api.concurrency
    )
    await _forgive_deleted(this, swept)
    error = shortfall(swept.failures, len(environments), "environments' agents")
    old = before.listings if before else {}
    kept = {of: one for of, one in old.items() if this.now - one.at <= this.retain}
    if error and not swept.answers and len(kept) == len(old):
        raise error
    doubts = _believed(this, swept)
    return Observation(
        data=Agents(
            listings={
                of: listing
                for of in environments
                if (listing := swept.answers.get(of) or kept.get(of)) is not None
            },
            doubted=doubts,
            last_seen=await _last_seen(this, swept),
            plain_lists_all=asker.plain_lists_all,
            filter_known=asker.filter_known,
        ),
        error=error,
        plan="environment by environment"
        + ("" if asker.plain_lists_all else ", system agents asked for apart"),
    )


async def again(this: Round[Agents], environment_ids: frozenset[str]) -> Amendment[Agents]:
    """Those of them that exist. What fails is left to the next round, unless all of it does."""
    before = this.previous
    asker = _asker(this)
    here = sorted(environment_ids.intersection(e.id for e in await this.environments()))
    swept = await sweep(here, partial(_ask, this, asker), workers=this.settings.api.concurrency)
    failures = {k: e for k, e in swept.failures.items() if not isinstance(e, NotFound)}
    error = shortfall(failures, len(here), "environments' agents")
    if error and not swept.answers:
        raise error
    old = before.listings if before else {}
    unchanged = {
        of for of, one in swept.answers.items() if of in old and old[of].agents == one.agents
    }
    _believed(this, swept)
    last_seen = await _last_seen(this, swept)

    def patch(shown: Agents) -> Agents:
        return replace(with_listings(shown, swept.answers), last_seen=last_seen)

    return Amendment(patch=patch, unchanged=frozenset(unchanged))


def _asker(this: Round[Agents]) -> Asker:
    before = this.previous
    return Asker(
        this.flatfile,
        plain_lists_all=before.plain_lists_all if before else False,
        filter_known=before.filter_known if before else False,
    )


async def _ask(this: Round[Agents], asker: Asker, environment_id: str) -> Listing:
    # When it was asked, not when the round began: what was asked later is the newer answer.
    at = asyncio.get_running_loop().time()
    agents = await asker.ask(environment_id)
    return Listing(agents=agents, at=at, wall=this.wall + at - this.now)


def _believed(this: Round[Agents], swept: _Found) -> frozenset[str]:
    """Take out what is doubted, which is returned; offer the rest."""
    doubts = _doubts(this.previous, swept)
    for environment_id in doubts:
        del swept.answers[environment_id]
    for environment_id, listing in swept.answers.items():
        this.offer(
            Whole(
                things=listing.agents,
                kind=Agent,
                wall=listing.wall,
                environment_ids=frozenset({environment_id}),
            )
        )
    return doubts


def _doubts(before: Agents | None, swept: _Found) -> frozenset[str]:
    if before is None:
        return frozenset()
    had = {of for of, listing in before.listings.items() if listing.deployed}
    gone = {of for of, listing in swept.answers.items() if of in had and not listing.deployed}
    doubts = doubted(gone, had, before.doubted)
    if doubts:
        log.warning("agents_doubted", environments=len(doubts), of=len(had))
    return doubts


async def _forgive_deleted(this: Round[Agents], swept: _Found) -> None:
    """An environment that was deleted since it was listed has not failed. Look again to be sure."""
    missing = [key for key, error in swept.failures.items() if isinstance(error, NotFound)]
    if not missing:
        return
    exist = {e.id for e in await this.directory.environments(this.flatfile, max_age=0)}
    for environment_id in missing:
        if environment_id not in exist:
            del swept.failures[environment_id]


async def _last_seen(this: Round[Agents], swept: _Found) -> Mapping[str, float] | None:
    """Remember who has an agent now. Without the state nothing is known of before: not 0."""
    having = [of for of, listing in swept.answers.items() if listing.deployed]
    try:
        return await this.store.run(partial(sightings.seen, environment_ids=having, now=this.wall))
    except StorageFailed:  # counted where the state is the point, and said by the store
        return None
