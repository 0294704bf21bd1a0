"""Everything of this floor put together: one call, one bundle."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from exporter.flatfile.account import HttpFlatfile
from exporter.flatfile.address import base_url
from exporter.flatfile.auth import AuthEndpoint
from exporter.flatfile.budget import Budget
from exporter.flatfile.client import Client
from exporter.flatfile.credential import SecretSource
from exporter.flatfile.keeper import TokenKeeper
from exporter.flatfile.paging import Pager
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.transport import Connections
from exporter.flatfile.usage import Usage
from exporter.flatfile.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``keeper.keep()`` is a job for the app to run; ``url`` is the normalised base URL."""

    url: str
    flatfile: Flatfile
    keeper: TokenKeeper
    usage: Usage
    budget: Budget
    _connections: Connections = field(repr=False)

    async def aclose(self) -> None:
        """Close the connections. What is still being asked fails as Unreachable."""
        await self._connections.aclose()


def connect(  # noqa: PLR0913 - plain keywords: settings live on another floor, and vary alone
    url: str,
    source: SecretSource,
    *,
    timeout: float,
    concurrency: int,
    requests_per_second: float,
    page_size: int,
    clock: Callable[[], float],
    rng: Random,
    ca_file: Path | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    before: Session | None = None,
) -> Session:
    """Nothing is asked yet. Raises ConfigurationError, and then ``before`` is as it was.

    ``timeout`` is seconds for a whole request; ``clock`` gives Unix seconds. ``before`` is the
    session before a reload: its keeper (and token, if URL and credential are the same), its
    counters, its pause and its governed rate go on; close it when nobody uses it any more. Call
    it in the loop.
    """
    base = base_url(url)
    secure = base.startswith("https:")
    connections = Connections(concurrency, timeout, ca_file, transport, secure=secure)
    usage = before.usage if before else Usage()
    governor = before.budget.governor if before and before.url == base else None
    budget = Budget(requests_per_second, concurrency, usage, governor)
    wire = Wire(base, connections, budget, usage, timeout, clock)
    endpoint = AuthEndpoint(wire, clock)
    if before:
        keeper = before.keeper
        keeper.rebind(endpoint, source)
    else:
        keeper = TokenKeeper(endpoint, source, clock, rng)
    client = Client(wire, keeper, budget, rng)
    return Session(
        url=base,
        flatfile=HttpFlatfile(client, Pager(client, page_size, concurrency)),
        keeper=keeper,
        usage=usage,
        budget=budget,
        _connections=connections,
    )
