"""The committed dashboards, read as Grafana reads them: from the JSON, not from its source."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
STEP = 60
"""Seconds between two points of a range query: what each query says to be its interval."""


@dataclass(frozen=True)
class Target:
    """One query of a panel. ``legend`` is Grafana's template."""

    board: str
    panel: Mapping[str, Any]
    ref: str
    expr: str
    legend: str
    instant: bool
    table: bool

    def __str__(self) -> str:
        return f"{self.board}: {self.panel['title']} ({self.ref})"


@cache
def boards() -> Mapping[str, Any]:
    """By the name of the file."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.json"))
    }


def panels(board: Any) -> Iterator[Any]:
    """Those that show something; rows are headings."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def targets() -> Iterator[Target]:
    for name, board in boards().items():
        for panel in panels(board):
            for one in panel["targets"]:
                yield Target(
                    board=name,
                    panel=panel,
                    ref=one["refId"],
                    expr=one["expr"],
                    legend=one.get("legendFormat", ""),
                    instant=one.get("instant", False),
                    table=one.get("format") == "table",
                )


def variables(board: Any) -> Mapping[str, Any]:
    return {one["name"]: one for one in board["templating"]["list"]}


def annotations(board: Any) -> Iterator[Any]:
    """Those that ask Prometheus."""
    return (one for one in board["annotations"]["list"] if "expr" in one)


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression there is, with where it stands."""
    for target in targets():
        yield str(target), target.expr
    for name, board in boards().items():
        for one in annotations(board):
            yield f"{name}: {one['name']}", one["expr"]
        for variable in variables(board).values():
            if variable["type"] == "query":
                yield f"{name}: ${variable['name']}", asked(variable)


def asked(variable: Any) -> str:
    """The PromQL within the functions of a variable's query."""
    query = variable["query"]["query"]
    found = re.fullmatch(r"(label_values|query_result)\((.+)\)", query)
    assert found, query
    return found[2].rpartition(",")[0] if found[1] == "label_values" else found[2]


_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """With the variables in it replaced. KeyError for one that has no value."""
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], text)


def globals_(seconds: int) -> dict[str, str]:
    """The variables that Grafana itself fills in, for a range of so many seconds.

    ``__rate_interval`` is four times what the query says to be the interval of the scrapes
    (Grafana's manual, "Template variables" of the Prometheus data source).
    """
    return {
        "__interval": f"{STEP}s",
        "__rate_interval": f"{4 * STEP}s",
        "__range": f"{seconds}s",
    }
