"""How late the event loop wakes up while the pages are rendered anew and scraped.

The scraper is another process. A change is a whole round as the daemon plays it: measured,
swapped onto the board, rendered at the next scrape.
"""

import asyncio
from functools import partial

from exporter.exposition import Format
from tests.benchmarks.measure import Effort, Figures, alternate, line, ms, percentile
from tests.benchmarks.programs import python
from tests.benchmarks.stage import COLLECTORS, Stage, stage

_NAP = 0.002  # seconds between two looks at the clock
_PAUSE = 0.2  # seconds between two changes
_SCRAPER = f"""
import http.client, time
kinds = ["text/plain;version=0.0.4", "{Format.OPENMETRICS.value}"]
while True:
    for kind in kinds:
        connection = http.client.HTTPConnection("127.0.0.1", {{port}})
        headers = {{{{"Accept": kind, "Accept-Encoding": "gzip"}}}}
        connection.request("GET", "/metrics", headers=headers)
        connection.getresponse().read()
        connection.close()
        time.sleep(0.05)
"""


async def run(effort: Effort) -> None:
    series = effort.size(100_000, 1_000)
    seconds = 0.3 if effort.quick else 1.0
    async with stage(series) as made, made.served() as port:
        found = await alternate(
            effort.turns(5),
            partial(lags, "idle", seconds),
            partial(_busy, "only scraped", made, port, seconds, ()),
            partial(_busy, "one of five collectors changed", made, port, seconds, ("agents",)),
            partial(_busy, "all collectors changed", made, port, seconds, COLLECTORS),
        )
    for what in ("only scraped", "one of five collectors changed", "all collectors changed"):
        for measure in ("p50", "p99", "max"):
            key, idle = f"{what}, {measure}", f"idle, {measure}"
            note = f"{ms(found.median(key))} against {ms(found.median(idle))}"
            name = f"loop lag at {series:,} series, {key}, / idle loop"
            line(name, found.ratios((key,), (idle,)), note)


async def _busy(
    what: str, made: Stage, port: int, seconds: float, changing: tuple[str, ...]
) -> Figures:
    async def change() -> None:
        while True:
            await made.change(*changing)
            await asyncio.sleep(_PAUSE)

    with python("-c", _SCRAPER.format(port=port)):
        changes = asyncio.create_task(change())
        try:
            return await lags(what, seconds)
        finally:
            changes.cancel()
            await asyncio.wait({changes})


async def lags(what: str, seconds: float) -> Figures:
    """How late the loop wakes up, in seconds, watched for so long."""
    loop = asyncio.get_running_loop()
    ending = loop.time() + seconds
    found = []
    while (now := loop.time()) < ending:
        await asyncio.sleep(_NAP)
        found.append(loop.time() - now - _NAP)
    return {
        f"{what}, p50": percentile(found, 0.5),
        f"{what}, p99": percentile(found, 0.99),
        f"{what}, max": max(found),
    }
