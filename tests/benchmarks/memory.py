"""Memory (RSS) of the real processes, against a bare import of the packages they stand on.

With the packages of an installation: what only the tests bring (rich and pygments, which structlog
and httpx load where they find them) is hidden from these processes.
"""

import asyncio
import gzip
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.measure import Effort, Figures, alternate, line
from tests.benchmarks.programs import (
    IMPORTS,
    daemon,
    emulator,
    get,
    python,
    resident,
    said,
    until,
    warm,
)

_WAITS = "; print('ready', flush=True); input()"
_HOLDER = """
import asyncio
from exporter import logs
from tests.benchmarks.stage import stage
logs.configure("error", "logfmt")
async def main():
    async with stage({series}) as made:
        for encoding in {encodings}:
            for accept in (None, 'application/openmetrics-text;version=1.0.0')[:{formats}]:
                await made.exposition.page(accept, encoding, frozenset())
        print('ready', flush=True)
        input()
asyncio.run(main())
"""
_SERVED = """
import asyncio
from exporter import logs
from tests.benchmarks.stage import stage
logs.configure("error", "logfmt")
async def main():
    async with stage({series}) as made, made.served() as port:
        await made.exposition.page(None, 'gzip', frozenset())
        print(port, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
_STALLED = 64
_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
_SETTLED = 1.0  # seconds after which who does not read was given all that it gets
_LIFTED = "--api.requests-per-second=1000"  # or the first rounds take many seconds
_FIRST_ROUNDS = ("environments", "agents", "spaces", "users", "events")


async def run(effort: Effort) -> None:
    scrapes = effort.size(200, 5)
    series = effort.size(100_000, 1_000)

    warm()
    installed = os.environ | {"PYTHONPATH": str(Path(__file__).parent / "installed")}

    async def bare() -> Figures:
        with _ready(IMPORTS + _WAITS, installed) as process:
            return {"bare": resident(process)}

    async def demo() -> Figures:
        with emulator() as url, daemon(url, _LIFTED, environ=installed) as (process, port):
            until(port, "/-/ready", process)
            if not effort.quick:
                _first_rounds(port)
            begun = resident(process)
            for _ in range(scrapes):
                get(port, "/metrics")
            return {"demo": begun, "scraped": resident(process)}

    async def one_format() -> Figures:
        code = _HOLDER.format(series=series, encodings=("gzip",), formats=1)
        with _ready(code, installed) as process:
            return {"one": resident(process)}

    async def every_format() -> Figures:
        code = _HOLDER.format(series=series, encodings=("gzip", None), formats=2)
        with _ready(code, installed) as process:
            return {"every": resident(process)}

    async def stalled() -> Figures:
        with python("-c", _SERVED.format(series=series), environ=installed) as process:
            port = int(said(process))
            get(port, "/metrics")
            before = resident(process)
            with ExitStack() as stack:
                for _ in range(_STALLED):
                    one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                    one.sendall(_REQUEST)
                await asyncio.sleep(_SETTLED)
                return {"before": before, "stalled": resident(process)}

    found = await alternate(effort.turns(2), bare, demo, one_format, every_format, stalled)
    for name, above, below in (
        ("daemon on the demo account after its first rounds / bare import", "demo", "bare"),
        (f"daemon after {scrapes} more scrapes / before", "scraped", "demo"),
        (f"{series:,} series, scraped as text gzip / bare import", "one", "bare"),
        (f"{series:,} series, scraped in every format / bare import", "every", "bare"),
        (f"{series:,} series, {_STALLED} scrapers that do not read / none", "stalled", "before"),
    ):
        note = f"{found.median(above):.1f} MB against {found.median(below):.1f} MB"
        line(f"memory: {name}", found.ratios((above,), (below,)), note)


@contextmanager
def _ready(code: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that said it is ready; it waits for a line on its standard input."""
    with python("-c", code, environ=environ) as process:
        assert said(process) == "ready"
        yield process


def _first_rounds(port: int) -> None:
    giving_up = time.monotonic() + 60
    none = [f'flatfile_collector_rounds_total{{collector="{name}"}} 0' for name in _FIRST_ROUNDS]
    while True:
        page = gzip.decompress(get(port, "/metrics")[1]).decode()
        if not any(text in page for text in none):
            return
        assert time.monotonic() < giving_up, "the first rounds never ended"
        time.sleep(0.05)
