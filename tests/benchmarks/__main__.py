"""``python -m tests.benchmarks [--quick] [NAME ...]``."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable

from exporter import logs
from tests.benchmarks import (
    audit,
    events,
    hints,
    loop,
    memory,
    requests,
    round,  # noqa: A004 - of questions
    scrape,
    start,
)
from tests.benchmarks.measure import HEADER, Effort
from tests.support.loop import VirtualLoop

BENCHMARKS = {
    "scrape": scrape.run,
    "round": round.run,
    "requests": requests.run,
    "events": events.run,
    "audit": audit.run,
    "memory": memory.run,
    "start": start.run,
    "loop": loop.run,
    "hints": hints.run,
}
_VIRTUAL = {"hints"}
"""In the emulated account's time: hours of it pass in seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it works")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    # Everything here is on loopback, whatever proxy this machine uses.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    # Leave by the way of an exception, so that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logs.configure("error", "logfmt")
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        # Started programs are to be as after their first start, whatever Python was told here.
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        _run(chosen.names or list(BENCHMARKS), Effort(quick=chosen.quick))


def _run(names: Iterable[str], effort: Effort) -> None:
    for name in names:
        began = time.monotonic()
        with asyncio.Runner(loop_factory=VirtualLoop if name in _VIRTUAL else None) as runner:
            runner.run(BENCHMARKS[name](effort))
        print(f"  ({name} took {time.monotonic() - began:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
