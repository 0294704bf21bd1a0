"""The files that the Helm chart carries: the same rules and dashboards as everywhere else.

A chart is packed from its own folder and cannot reach out of it, so it has copies, and a test says
when one is stale.
"""

from collections.abc import Iterator
from pathlib import Path

from exporter import rules
from exporter.rules import Thresholds

CHART = Path("deploy/helm/flatfile-exporter")
RULES = CHART / "files/rules.yml"
DASHBOARDS = CHART / "files/dashboards"
SOURCE = Path("grafana/dashboards")

IN_A_CLUSTER = Thresholds(identity="job, namespace")
"""The operator names a job after its Service, which two tenants may well name the same."""


def generated(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file of the chart, by its path in the repository, with what it should hold.

    The dashboards are read below ``root``.
    """
    yield RULES, rules.prometheus(IN_A_CLUSTER)
    for dashboard in sorted((root / SOURCE).glob("*.json")):
        yield DASHBOARDS / dashboard.name, dashboard.read_text(encoding="utf-8")


def left_over(root: Path) -> tuple[Path, ...]:
    """Copies of dashboards that are no more, by their path in the repository."""
    known = {path for path, _ in generated(root)}
    copies = sorted((root / DASHBOARDS).glob("*"))
    return tuple(path for copy in copies if (path := copy.relative_to(root)) not in known)
