"""Time from start to the first answer and to ready, against the interpreter and the imports."""

import time

from tests.benchmarks.measure import Effort, Figures, alternate, line, ms
from tests.benchmarks.programs import IMPORTS, daemon, emulator, python, until, warm

_LONG = 60.0


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
            return _started(url, "", "ready, budget lifted", "--api.requests-per-second=1000")

        found = await alternate(effort.turns(3), interpreter, imports, started, lifted)
    for what in ("first answer", "ready", "ready, budget lifted"):
        for against in ("python -c pass", "bare import"):
            note = f"{ms(found.median(what))} against {ms(found.median(against))}"
            line(f"start: {what} / {against}", found.ratios((what,), (against,)), note)


def _started(url: str, first: str, ready: str, *flags: str) -> Figures:
    began = time.perf_counter()
    with daemon(url, *flags) as (process, port):
        until(port, "/-/healthy", process)
        answered = time.perf_counter() - began
        until(port, "/-/ready", process)
        return {first: answered, ready: time.perf_counter() - began}


def _whole(code: str) -> float:
    began = time.perf_counter()
    with python("-c", code) as process:
        process.wait(_LONG)
        return time.perf_counter() - began
