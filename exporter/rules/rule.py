"""What a rule is: a value, from which every format of it is written."""

from dataclasses import dataclass, field
from typing import Any

from exporter.rules.thresholds import Thresholds
from exporter.settings.durations import duration

READS = {"reads": "flatfile_data"}
"""The one label on every alert that says something only as long as data arrives from Flatfile.
Alertmanager inhibits by it: whoever adds an alert sets ``reads_data`` and is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A series that several alerts read, computed once. ``name`` has the colons of its kind."""

    name: str
    expr: str

    def document(self, _: Thresholds) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expr.strip("\n")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """``summary`` is constant, so that it can be grouped by; ``description`` is a template.

    ``lasting`` is the rule's ``for``, in seconds. An alert whose expression looks back by itself
    needs none, and with none a restart of Prometheus or of the exporter starts nothing over.
    """

    name: str
    expr: str
    severity: str
    summary: str
    description: str
    lasting: int = 0
    reads_data: bool = False

    def document(self, thresholds: Thresholds) -> dict[str, Any]:
        labels = {"severity": dict(thresholds.severities).get(self.name, self.severity)}
        return {
            "alert": self.name,
            "expr": self.expr.strip("\n"),
            **({"for": duration(self.lasting)} if self.lasting else {}),
            "labels": {**labels, **(READS if self.reads_data else {})},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{thresholds.runbooks.rstrip('/')}/{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated together, one after the other, at the same time stamp."""

    name: str
    rules: tuple[Record | Alert, ...] = field(default=())

    def document(self, thresholds: Thresholds) -> dict[str, Any]:
        return {
            "name": self.name,
            "interval": duration(thresholds.evaluation),
            "rules": [rule.document(thresholds) for rule in self.rules],
        }
