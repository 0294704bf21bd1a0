"""What a scrape costs against the client library's own rendering, its server, and nginx.

Of the first comparison neither pays for the socket, but for the lines that say so: those go
through the real server, with the client in a thread. nginx serves the same compressed page as a
file, and the library's server the same families; there the scrapers are another process and ask as
Prometheus does, with connections that they keep unless the server closes them. Only nginx measures
nothing for each scrape.
"""

import asyncio
import gzip
import http.client
import json
import re
import statistics
import time
from collections.abc import Callable
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Metric,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client import generate_latest as library_text
from prometheus_client.openmetrics.exposition import generate_latest as library_openmetrics
from prometheus_client.registry import Collector

from exporter.families import Buckets, Measured
from tests.benchmarks.measure import (
    Effort,
    Figures,
    Turns,
    alternate,
    line,
    ms,
    once,
    percentile,
    timed,
)
from tests.benchmarks.nginx import PROGRAM, nginx
from tests.benchmarks.programs import python, said
from tests.benchmarks.stage import COLLECTORS, Stage, stage

_OPENMETRICS = "application/openmetrics-text;version=1.0.0"
_ONE = f"""
import http.client, time
began = time.perf_counter()
connection = http.client.HTTPConnection("127.0.0.1", {{port}})
headers = {{{{"Accept": "{_OPENMETRICS}", "Accept-Encoding": "gzip"}}}}
connection.request("GET", "/metrics", headers=headers)
connection.getresponse().read()
print(time.perf_counter() - began, flush=True)
"""
_KINDS = {
    "text": (None, None),
    "text gzip": (None, "gzip"),
    "OpenMetrics": (_OPENMETRICS, None),
    "OpenMetrics gzip": (_OPENMETRICS, "gzip"),
}
# The library's server compresses at level 9 what it rendered before (prometheus_client, _bake_output).
_LIBRARY = {
    "text": ("library text",),
    "text gzip": ("library text", "library text, level 9"),
    "OpenMetrics": ("library OpenMetrics",),
    "OpenMetrics gzip": ("library OpenMetrics", "library OpenMetrics, level 9"),
}
_SCRAPES = 25
_PATH = "/metrics"
_TOGETHER = 50
_THROUGH = 11  # of one connection
_CHANGES = {"one of five collectors": COLLECTORS[:1], "all collectors": COLLECTORS}


async def run(effort: Effort) -> None:
    for series, turns in ((1_000, 7), (10_000, 5), (100_000, 4)):
        if effort.quick and series > 1_000:
            continue
        async with stage(series) as made, made.served():
            found = await _contest(made, effort.turns(turns))
        for kind, library in _LIBRARY.items():
            note = f"{ms(found.median(*library))} against {ms(found.median(kind))}"
            name = f"scrape of {series:,} series, {kind}, library / ours"
            line(name, found.ratios(library, (kind,)), note)
        socket, library = f"scrape of {series:,} series through the socket", _LIBRARY["text gzip"]
        for way in ("kept", "new"):
            note = f"{ms(found.median(*library))} against {ms(found.median(way))}"
            name = f"{socket}, text gzip, {way} connection, library without / ours with"
            line(name, found.ratios(library, (way,)), note)
        note = f"{ms(found.median('kept'))} against {ms(found.median('new'))}"
        line(f"{socket}, kept / new connection", found.ratios(("kept",), ("new",)), note)
        for change in _CHANGES:
            for kind in ("text", "text gzip"):
                key, library = f"{kind}, {change}", _LIBRARY[kind]
                note = f"{ms(found.median(*library))} against {ms(found.median(key))}"
                name = f"first scrape of {series:,} series after a change of {change}, {kind}"
                line(f"{name}, library / ours", found.ratios(library, (key,)), note)

    await _against_nginx(effort)


async def _against_nginx(effort: Effort) -> None:
    if PROGRAM is None:
        print("scrape against nginx: skipped, nginx is not installed (tests/peers/install nginx)")
        return
    series = effort.size(100_000, 1_000)
    async with stage(series) as made, made.served() as port:
        page = b"".join((await made.exposition.page(_OPENMETRICS, "gzip", _ALL)).chunks)
        with nginx(_PATH, page) as other, python("-m", "tests.benchmarks.scrapers") as client:

            async def scraped(who: str, where: int) -> Figures:
                def ask(connections: int, rounds: int) -> list[float]:
                    assert client.stdin is not None
                    client.stdin.write(f"{where} {_PATH} {connections} {rounds}\n")
                    client.stdin.flush()
                    return list(json.loads(said(client)))

                alone = await asyncio.to_thread(ask, 1, effort.size(100, 10))
                together = await asyncio.to_thread(ask, _TOGETHER, effort.size(6, 2))
                return {
                    f"{who} alone": percentile(alone, 0.5),
                    f"{who} together": percentile(together, 0.99),
                }

            async def default_way() -> Figures:
                def ask() -> float:
                    with python("-c", _ONE.format(port=library.server_port)) as one:
                        return float(said(one))

                return {"library": await asyncio.to_thread(ask)}

            library, thread = start_http_server(0, "127.0.0.1", _equal(made))
            found = await alternate(
                effort.turns(7),
                partial(scraped, "ours", port),
                partial(scraped, "nginx", other),
                default_way,
            )
            await asyncio.to_thread(library.shutdown)
            library.server_close()
            thread.join()
    name = f"scrape of {series:,} series, gzip ({len(page) / 1e6:.2g} MB)"
    for what, how in (("p50", "alone"), (f"p99 of {_TOGETHER} scrapers at once", "together")):
        ours, its = f"ours {how}", f"nginx {how}"
        note = f"{ms(found.median(ours))} against {ms(found.median(its))}"
        line(f"{name}, {what}, ours / nginx", found.ratios((ours,), (its,)), note)
    note = f"{ms(found.median('library'))} against {ms(found.median('ours alone'))}"
    line(f"{name}, p50, library's server / ours", found.ratios(("library",), ("ours alone",)), note)


async def _contest(made: Stage, turns: int) -> Turns:
    registry = _equal(made)
    page = made.exposition.page
    pages: dict[str, bytes] = {}

    def rendered(kind: str, render: Callable[[CollectorRegistry], bytes]) -> None:
        pages[kind] = render(registry)

    async def changed() -> Figures:
        taken = {}
        for change, names in _CHANGES.items():
            for kind in ("text", "text gzip"):
                await made.change(*names)
                taken[f"{kind}, {change}"] = await timed(partial(page, *_KINDS[kind], _ALL))
        return taken

    async def ready() -> Figures:
        taken = {}
        for kind, accepts in _KINDS.items():
            await page(*accepts, _ALL)
            taken[kind] = await timed(partial(page, *accepts, _ALL), _SCRAPES)
        return taken

    async def socket() -> Figures:
        return await asyncio.to_thread(_through, made.daemon.server.addresses[0][1])

    rendered("text", library_text)
    ours = b"".join((await page(None, None, _ALL)).chunks)
    assert _series(ours) == _series(pages["text"]), "the two contestants show different series"
    return await alternate(
        turns,
        changed,
        ready,
        socket,
        once("library text", lambda: rendered("text", library_text)),
        once("library text, level 9", lambda: gzip.compress(pages["text"])),
        once("library OpenMetrics", lambda: rendered("open", library_openmetrics)),
        once("library OpenMetrics, level 9", lambda: gzip.compress(pages["open"])),
    )


_ALL: frozenset[str] = frozenset()


def _through(port: int) -> Figures:
    """Seconds from asking to having it all, the first asking of a connection left out."""
    taken: dict[str, list[float]] = {"kept": [], "new": []}
    for way, times in taken.items():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(_THROUGH):
            began = time.perf_counter()
            connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            connection.getresponse().read()
            times.append(time.perf_counter() - began)
            if way == "new":
                connection.close()
        connection.close()
    return {way: statistics.median(times[1:]) for way, times in taken.items()}


def _series(page: bytes) -> set[tuple[str, ...]]:
    """Names with their labels; the library sorts those, we do not."""
    lines = (at for at in page.decode().splitlines() if not at.startswith("#"))
    return {tuple(sorted(re.split("[{},]", at.rpartition(" ")[0]))) for at in lines}


def _equal(made: Stage) -> CollectorRegistry:
    """The same families with the same samples, ready: the library has to render, nothing else."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    live = [f for f in made.live() if not f.name.startswith(("process_", "python_"))]
    ready = [_metric(family) for family in (*live, *made.shown())]

    class Ready(Collector):
        def collect(self) -> list[Metric]:
            return ready

    registry.register(Ready())
    return registry


def _metric(family: Measured) -> Metric:
    name = family.name.removesuffix("_total" if family.kind.value == "counter" else "_info")
    metric = Metric(name, family.help, family.kind.value)
    for values, value in family.samples:
        if isinstance(value, Buckets):
            raise TypeError("nothing was asked, so there is no histogram yet")
        metric.add_sample(family.name, dict(zip(family.labels, values, strict=True)), value)
    return metric
