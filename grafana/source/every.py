"""Every dashboard there is, as the files that are committed."""

from collections.abc import Iterator
from pathlib import Path

from exporter.rules import Thresholds
from grafana.source import audit, environment, exporter, overview
from grafana.source.frame import Frame, document

FOLDER = Path("grafana/dashboards")


def frames() -> tuple[Frame, ...]:
    return (overview.frame(), environment.frame(), exporter.frame(), audit.frame())


def generated(runbooks: str = Thresholds().runbooks) -> Iterator[tuple[Path, str]]:
    """Each file, by its path in the repository, with what it should hold.

    ``runbooks`` is where deploy/runbooks is published.
    """
    for frame in frames():
        name = frame.uid.removeprefix("flatfile-")
        yield FOLDER / f"{name}.json", document(frame, runbooks.rstrip("/"))
