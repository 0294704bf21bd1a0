"""A real Prometheus that scrapes, and what it says about what it found."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.support.processes import (
    START,
    Exporter,
    Running,
    Series,
    ask,
    eventually,
    free_port,
    running,
)


@dataclass(frozen=True)
class Prometheus:
    """``url`` is without a path."""

    url: str

    def get(self, path: str) -> Any:
        reply = ask(f"{self.url}/api/v1/{path}").json()
        assert reply["status"] == "success", reply
        return reply["data"]

    def query(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """What holds right now; labels with ``__name__``, ``job`` and ``instance``."""
        found = self.get(f"query?query={quote(expression)}")["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def target(self) -> Any:
        (only,) = self.get("targets")["activeTargets"]
        return only

    def series(self) -> Series:
        """Everything that it has of the exporter now, without its own two labels."""
        values: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for found, value in self.query('{job="flatfile"}'):
            own = {"__name__", "job", "instance"}
            labels = frozenset((k, v) for k, v in found.items() if k not in own)
            values.setdefault(found["__name__"], {})[labels] = value
        return Series(values)

    def metadata(self) -> dict[str, tuple[str, str]]:
        """Kind and help of each family, by its name."""
        found = self.get("targets/metadata?limit=10000")
        return {one["metric"]: (one["type"], one["help"]) for one in found}


@contextmanager
def prometheus(program: str, folder: Path, target: Exporter) -> Iterator[Prometheus]:
    """A Prometheus that scrapes ``target`` every second."""
    config = folder / "prometheus.yml"
    host = urlsplit(target.url).netloc
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: flatfile\n"
        f"    static_configs: [{{targets: ['{host}']}}]\n",
        encoding="utf-8",
    )
    for attempt in range(3):
        port = free_port()  # somebody else may take it before Prometheus does
        arguments = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / f'tsdb-{attempt}'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        with running(arguments, folder) as run:
            url = f"http://127.0.0.1:{port}"

            def ready(run: Running = run, url: str = url) -> bool:
                return not run.alive or ask(f"{url}/-/ready").status == 200

            eventually(ready, START)
            if run.alive:
                yield Prometheus(url)
                return
            assert "address already in use" in run.stderr, run.stderr
    raise AssertionError("no port stayed free for Prometheus")
