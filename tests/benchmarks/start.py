"""Time from start to the first answer and to ready, against the interpreter and the imports.

Also from the first answer to the first full snapshot of a large account, which answers with ready
bytes after 50 ms: against the ideal round, which is requests divided by those in flight, times the
latency. Only what readiness needs is collected, and the budget is lifted.
"""

import time

from tests.benchmarks.measure import Effort, Figures, alternate, line, ms
from tests.benchmarks.programs import IMPORTS, daemon, emulator, python, replay, until, warm

_LONG = 60.0
_LATENCY = 0.05  # seconds
_IN_FLIGHT = 8  # the default
_LOOK = 0.05
"""Seconds between two looks for a readiness that takes long. Nobody looks two hundred times a
second; that took 0.04 of the ideal round from the daemon."""

_PAGE = 100
_LIFTED = "--api.requests-per-second=1000"
_ESSENTIAL = (
    _LIFTED,
    *(f"--no-collector.{name}" for name in ("spaces", "users", "guests", "events", "executions")),
)


async def run(effort: Effort) -> None:
    warm()
    with emulator() as url:

        async def interpreter() -> Figures:
            return {"python -c pass": _whole("pass")}

        async def imports() -> Figures:
            return {"bare import": _whole(IMPORTS)}

        async def started() -> Figures:
            return _started(url, "first answer", "ready")

        async def lifted() -> Figures:
            return _started(url, "", "ready, budget lifted", _LIFTED)

        found = await alternate(effort.turns(3), interpreter, imports, started, lifted)
    for what in ("first answer", "ready", "ready, budget lifted"):
        for against in ("python -c pass", "bare import"):
            note = f"{ms(found.median(what))} against {ms(found.median(against))}"
            line(f"start: {what} / {against}", found.ratios((what,), (against,)), note)

    size = effort.size(2_000, 16)
    with replay(size, _LATENCY) as url:

        async def whole() -> Figures:
            seen = _started(url, "first", "whole", *_ESSENTIAL, pause=_LOOK)
            return {"snapshot": seen["whole"] - seen["first"]}

        await whole()  # until then the account has no bytes ready
        found = await alternate(effort.turns(3), whole)
    listed = -(-size // _PAGE)
    ideal = (1 + listed + size) / _IN_FLIGHT * _LATENCY  # the token, the listing, each environment
    line(
        f"start: first full snapshot of {size:,} environments after the first answer / ideal round",
        [taken / ideal for taken in found.of("snapshot")],
        f"{ms(found.median('snapshot'))} against {ms(ideal)}",
    )


def _started(url: str, first: str, ready: str, *flags: str, pause: float = 0.005) -> Figures:
    began = time.perf_counter()
    with daemon(url, *flags) as (process, port):
        until(port, "/-/healthy", process)
        answered = time.perf_counter() - began
        until(port, "/-/ready", process, pause)
        return {first: answered, ready: time.perf_counter() - began}


def _whole(code: str) -> float:
    began = time.perf_counter()
    with python("-c", code) as process:
        process.wait(_LONG)
        return time.perf_counter() - began
