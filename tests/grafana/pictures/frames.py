"""Answers of Prometheus as data frames, in the form of Grafana's own data source.

Its rules: a series is a frame with a time and a number, named by its legend; a table has a column
for each label, and its value is ``Value``, or ``Value #A`` if there are several.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from tests.grafana.asking import Asker, Series
from tests.grafana.boards import STEP, Target, annotations
from tests.grafana.history import NAMES


def frames(asker: Asker, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Those of one panel."""
    tables = sum(target.table for target in targets)
    found: list[dict[str, Any]] = []
    for target in targets:
        answer = asker.target(target)
        if target.table:
            found.append(_table(target, answer, several=tables > 1))
        else:
            found += [_series(target, one) for one in answer] or [
                {"refId": target.ref, "fields": []}
            ]
    return found


def _series(target: Target, one: Series) -> dict[str, Any]:
    config = {}
    if target.legend:
        name = NAMES.sub(lambda found: one.labels.get(found[1], ""), target.legend)
        config = {"displayNameFromDS": name}
    fields = [
        _field("Time", "time", [at * 1000 for at, _ in one.points]),
        {
            **_field("Value", "number", [_number(value) for _, value in one.points]),
            "labels": dict(one.labels),
            "config": config,
        },
    ]
    return {"refId": target.ref, "fields": fields}


def _table(target: Target, answer: Sequence[Series], *, several: bool) -> dict[str, Any]:
    labels = sorted({label for one in answer for label in one.labels})
    rows = [(one.labels, *one.points[0]) for one in answer]
    value = f"Value #{target.ref}" if several else "Value"
    fields = [
        _field("Time", "time", [at * 1000 for _, at, _ in rows]),
        *(_field(name, "string", [own.get(name) for own, _, _ in rows]) for name in labels),
        _field(value, "number", [_number(number) for _, _, number in rows]),
    ]
    return {"refId": target.ref, "fields": fields if rows else []}


def _field(name: str, kind: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "type": kind, "values": values, "config": {}}


def _number(value: float) -> float | None:
    """JSON has no NaN; Grafana shows it as a gap, too."""
    return value if math.isfinite(value) else None


def marks(asker: Asker, board: Any) -> Iterator[dict[str, Any]]:
    """Annotations in milliseconds: adjacent points are one from the first to the last."""
    for one in annotations(board):
        for series in asker.over_time(one["expr"]):
            points = [(at, value) for at, value in series.points if value > 0]
            if one["useValueForTime"]:
                times = sorted({value / 1000 for _, value in points})
            else:
                times = [at for at, _ in points]
            for start, end in _joined(times):
                yield {"colour": one["iconColor"], "from": start * 1000, "to": end * 1000}


def _joined(times: Sequence[float]) -> Iterator[tuple[float, float]]:
    start = before = None
    for at in times:
        if start is None or before is None or at - before > STEP:
            if start is not None and before is not None:
                yield start, before
            start = at
        before = at
    if start is not None and before is not None:
        yield start, before
