"""Requests of a round of every collector against the least that can give the right numbers.

The least, with 100 things on a page: the pages of the listing of environments, of users and of
Spaces (or, for the numbers of Spaces, two questions for each environment, if these are fewer); one
for the agents of each environment, for nothing else tells of them; one look at a feed in which
nothing is new, for the account or for each environment; and for the guests one question if the
server answers it for the account, else the pages of Spaces and one for each Space.

The emulated account is in this process: nothing here is measured in seconds.
"""

import asyncio
import time
from collections.abc import Mapping
from math import ceil
from random import Random
from typing import Any

import httpx

from exporter.catalog import COLLECTORS
from exporter.collectors.contract import Round
from exporter.collectors.directory import Directory
from exporter.emulator import Emulator, Quirks, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.session import Session, connect
from exporter.settings import Settings
from exporter.state.store import Store
from tests.benchmarks.measure import Effort, Figures, alternate, line

_PAGE = 100
_ROUNDS = ("environments", "spaces", "agents", "users", "guests", "events")
SERVERS: Mapping[str, Mapping[str, Any]] = {
    "a server that answers for the account": {"guests_account_wide": "allowed"},
    "one that answers only for parts of it": {
        "guests_account_wide": 400,
        "events_account_wide": 403,
    },
}


async def run(effort: Effort) -> None:
    for size in (10, 200, 2_000):
        if effort.quick and size > 10:
            continue
        for server, quirks in SERVERS.items():
            fewest = least(size, account_wide=quirks["guests_account_wide"] == "allowed")

            async def rounds(size: int = size, quirks: Mapping[str, Any] = quirks) -> Figures:
                return await sent_by(size, quirks)

            found = await alternate(2, rounds)
            ratios = [sent / sum(fewest.values()) for sent in found.of(*_ROUNDS)]
            parts = (f"{name} {found.median(name):.0f} of {fewest[name]}" for name in _ROUNDS)
            line(
                f"requests of a round of {size:,} environments, {server}, / least",
                ratios,
                ", ".join(parts),
            )


def _scale(size: int) -> Scale:
    return Scale(
        environments=size,
        spaces=2 * size,
        users=20 + size // 10,
        guests=size,
        agents_per_environment=(1, 1),
        events_per_minute=0,
    )


def least(size: int, *, account_wide: bool) -> dict[str, int]:
    """By collector."""
    scale = _scale(size)
    pages = ceil(scale.spaces / _PAGE)
    return {
        "environments": ceil(size / _PAGE),
        "spaces": min(pages, 2 * size),
        "agents": size,
        "users": ceil(scale.users / _PAGE),
        "guests": 1 if account_wide else pages + scale.spaces,
        "events": 1 if account_wide else size,
    }


async def sent_by(size: int, quirks: Mapping[str, Any]) -> Figures:
    """By collector, of a later round: what the server is like has been found out by then."""
    emulator = Emulator(World(_scale(size), 1, time.time), Quirks(**quirks))
    session = connect(
        "http://emulator/api/v1",
        lambda: ClientPair(CLIENT_ID, SECRET),
        timeout=30.0,
        concurrency=8,
        requests_per_second=1e6,
        page_size=_PAGE,
        clock=time.time,
        rng=Random(1),
        transport=httpx.ASGITransport(emulator),
    )
    settings, store = Settings(), Store(None, time.time)
    directory = Directory(lambda *_: True)
    previous: dict[str, Any] = {}
    sent: dict[str, float] = {}
    try:
        for _ in range(2):
            for collector in COLLECTORS:
                if collector.name in _ROUNDS:
                    before = _requests(session)
                    this: Round[Any] = Round(
                        flatfile=session.flatfile,
                        directory=directory,
                        store=store,
                        settings=settings,
                        previous=previous.get(collector.name),
                        now=asyncio.get_running_loop().time(),
                        wall=time.time(),
                        interval=0.0,  # nothing is spread, and no listing is new enough
                        retain=600.0,
                    )
                    seen = await collector.look(this)
                    previous[collector.name] = seen.data
                    sent[collector.name] = _requests(session) - before
    finally:
        await session.aclose()
        await store.aclose()
    return sent


def _requests(session: Session) -> float:
    return sum(session.usage.reading().requests.values())
