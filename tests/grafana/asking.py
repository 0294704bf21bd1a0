"""The queries of a dashboard, asked of Prometheus as Grafana asks them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.grafana.boards import STEP, Target, filled, globals_
from tests.grafana.history import Span
from tests.peers.support import Prometheus

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Series:
    """Points are times (Unix seconds) and values."""

    labels: Labels
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Asker:
    """``chosen`` are the values of the dashboard's own variables, as they are filled in."""

    prometheus: Prometheus
    span: Span
    chosen: Mapping[str, str]

    @property
    def values(self) -> dict[str, str]:
        return {**globals_(self.span.seconds), **self.chosen}

    def now(self, expr: str) -> tuple[Series, ...]:
        """An instant query at the end of the range. AssertionError with what is wrong with it."""
        return self._ask(f"query?time={self.span.end}", expr, "value")

    def over_time(self, expr: str) -> tuple[Series, ...]:
        times = f"start={self.span.start}&end={self.span.end}&step={STEP}"
        return self._ask(f"query_range?{times}", expr, "values")

    def target(self, target: Target) -> tuple[Series, ...]:
        return self.now(target.expr) if target.instant else self.over_time(target.expr)

    def values_of(self, family: str, label: str) -> list[str]:
        """What ``label_values`` gives."""
        match = quote(filled(family, self.values))
        path = f"label/{label}/values?start={self.span.start}&end={self.span.end}&match[]={match}"
        return list(self.prometheus.get(path))

    def _ask(self, path: str, expr: str, key: str) -> tuple[Series, ...]:
        query = quote(filled(expr, self.values))
        found: Any = self.prometheus.get(f"{path}&query={query}")["result"]
        return tuple(
            Series(
                one["metric"],
                tuple(
                    (at, float(value))
                    for at, value in (one[key] if key == "values" else [one[key]])
                ),
            )
            for one in found
        )


ALL = {"job": ".+", "instance": ".+"}
"""What "All" is filled in as."""
