"""A history for Prometheus, as OpenMetrics with times, and a Prometheus that has it."""

import asyncio
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.grafana import auditlog, bystanders, story
from tests.grafana.recording import AloneLoop, stage
from tests.peers.support import Prometheus
from tests.support.loop import VirtualLoop
from tests.support.processes import START, ask, eventually, free_port, running

JOB = "flatfile"
FIRST, SECOND = "a.example:10042", "b.example:10042"
_START_TIME = "process_start_time_seconds "


@dataclass(frozen=True)
class Span:
    """From the first scrape to the last, in Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> int:
        return round(self.end - self.start)


def record(folder: Path, minutes: float) -> tuple[Path, Span]:
    """The history of one replica. The labels of the target are written as ``%s``."""
    path = folder / "history.txt"
    times: list[float] = []
    watching = bystanders.Bystander(JOB)
    with path.open("w", encoding="utf-8") as file:

        def keep(at: float, page: str) -> None:
            times.append(at)
            passed = at - VirtualLoop.EPOCH
            beside = (
                *watching.lines(at, page),
                *auditlog.lines(at, passed / (minutes * 60), passed),
            )
            for series, value in (*_of_page(page), *beside):
                file.write(f"{series} {value} {at:.3f}\n")

        async def play() -> None:
            async with stage(folder) as here:
                await story.told(here, minutes, keep)

        with asyncio.Runner(loop_factory=AloneLoop) as runner:
            runner.run(play())
    return path, Span(times[0], times[-1])


def _of_page(page: str) -> Iterator[tuple[str, str]]:
    for line in page.splitlines():
        if line.startswith("#"):
            continue
        series, _, value = line.rpartition(" ")
        if line.startswith(_START_TIME):
            value = str(VirtualLoop.EPOCH)  # the page tells that of the process that plays it
        labels = series[:-1] + ",%s}" if series.endswith("}") else series + "{%s}"
        yield labels, value


def blocks(promtool: str, history: Path, folder: Path, *instances: str) -> Path:
    """A database of Prometheus in which these instances tell the same."""
    text = folder / "openmetrics.txt"
    with history.open(encoding="utf-8") as lines, text.open("w", encoding="utf-8") as out:
        for line in lines:
            chosen = instances if "%s" in line else instances[:1]
            for instance in chosen:
                out.write(line.replace("%s", f'job="{JOB}",instance="{instance}"'))
        out.write("# EOF\n")
    made = folder / "tsdb"
    command = [
        promtool,
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        str(text),
        str(made),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    text.unlink()
    return made


@contextmanager
def serving(program: str, database: Path, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes nothing and forgets nothing."""
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n", encoding="utf-8")
    port = free_port()
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={database}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with running(command, folder) as run:
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            assert run.alive, run.stderr
            return ask(f"{url}/-/ready").status == 200

        eventually(ready, START)
        try:
            yield Prometheus(url)
        finally:
            run.signal(signal.SIGTERM)
            with suppress(AssertionError):
                run.wait()


def environments(found: Prometheus, at: float) -> dict[str, str]:
    """Ids by name."""
    query = f"query?query=flatfile_environment_info&time={at}"
    labels = [one["metric"] for one in found.get(query)["result"]]
    return {one["environment_name"]: one["environment_id"] for one in labels}


NAMES = re.compile(r"\{\{\s*(\w+)\s*\}\}")
"""Labels in a legend."""
