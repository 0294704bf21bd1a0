"""A scrape before there is a daemon: what the exporter knows of itself without one."""

import asyncio

from exporter import health
from exporter.board import Board
from exporter.exposition import Exposition
from exporter.families import Measured, measure
from exporter.flatfile.token import TokenStatus
from exporter.flatfile.usage import Usage
from exporter.health.build import this_build
from exporter.settings import Shard
from exporter.web.answers import Answer
from exporter.web.app import scraped
from exporter.web.asgi import Scope


async def metrics(scope: Scope, *, shard: Shard, started: float, now: float) -> Answer:
    """Nothing was asked yet and no collector has begun. Times in Unix seconds."""
    exposition = Exposition(
        Board(), lambda: _live(shard, started, now), asyncio.get_running_loop().time
    )
    return await scraped(exposition, scope)


def _live(shard: Shard, started: float, now: float) -> tuple[Measured, ...]:
    vitals = health.Vitals(
        build=this_build(),
        reload=health.Reload(successful=True, at=started),
        heartbeat=now,
        records={},
        series={},
        usage=Usage().reading(),
        budget=0.0,
        token=TokenStatus(
            kind=None,
            valid=None,
            expires_at=None,
            last_refresh=None,
            refreshes=0,
            failures=0,
        ),
        state_available=None,
        shard=shard,
    )
    return measure(health.FAMILIES, vitals)
