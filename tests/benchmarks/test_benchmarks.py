"""Each benchmark runs, and prints its lines. How fast anything is, no test says."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.measure import HEADER
from tests.benchmarks.nginx import PROGRAM
from tests.benchmarks.programs import ROOT

_LINE = re.compile(r"^.+: [0-9.e-]+ \(IQR [0-9.e-]+\.\.[0-9.e-]+, n=2\)( \[.+\])?$", re.MULTILINE)
_LINES = {
    "scrape": 11 + 3 * (PROGRAM is not None),
    "round": 10,
    "requests": 2,
    "events": 4,
    "audit": 10,
    "memory": 5,
    "start": 7,
    "loop": 9,
    "hints": 3,
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_prints_its_lines(name: str) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", name]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            printed, _ = process.communicate()
        finally:
            if process.poll() is None:  # out of time: whatever it had started goes with it
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    assert printed.startswith(HEADER)
    assert len(_LINE.findall(printed)) == _LINES[name], printed
