"""Tables: one row for each value of a key, joined from several queries of the same moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model

from grafana.source.looks import Look, mappings, thresholds
from grafana.source.panels import Panel, Text, rows, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``of`` is a label, or the letter of the query whose value it shows.

    ``cell`` is one of Grafana's cell types; ``link`` a URL with Grafana's variables.
    """

    of: str
    title: str
    look: Look = field(default_factory=Look)
    cell: str = "auto"
    width: int | None = None
    link: tuple[str, str] | None = None
    hidden: bool = False
    align: str = "auto"
    none: str = "unknown"
    """What stands where a row has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """``key`` is the label by which the queries are joined; ``sort`` a title, largest first."""

    key: str
    queries: Mapping[str, str]
    columns: Sequence[Column]
    sort: str
    descending: bool = True


def listing(text: Text, these: Rows) -> Panel:
    made = said(table.Panel(), text, Look())
    for ref, expr in these.queries.items():
        made.with_target(rows(ref, expr))
    for id_, options in _transformations(these):
        made.with_transformation(model.DataTransformerConfig(id_val=id_, options=options))
    for column in these.columns:
        made.override_by_name(column.title, _properties(column))
    sort = common.TableSortByFieldState().display_name(these.sort).desc(these.descending)
    return made.show_header(True).cell_height(kinds.TableCellHeight.SM).sort_by([sort])


def _transformations(these: Rows) -> list[tuple[str, dict[str, Any]]]:
    """Join by the key, keep what is shown, in its order and with its titles.

    A single table has ``Value``, one of several ``Value #A`` (Grafana's Prometheus data source).
    """
    several = len(these.queries) > 1
    names = [
        (f"Value #{column.of}" if several else "Value") if column.of in these.queries else column.of
        for column in these.columns
    ]
    join = ("joinByField", {"byField": these.key, "mode": "outer"})
    return [
        *([join] if several else []),
        ("filterFieldsByName", {"include": {"names": names}}),
        (
            "organize",
            {
                "excludeByName": {},
                "indexByName": {name: at for at, name in enumerate(names)},
                "renameByName": {
                    name: column.title for name, column in zip(names, these.columns, strict=True)
                },
            },
        ),
    ]


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    look = column.look
    found: dict[str, Any] = {"unit": look.unit, "noValue": column.none}
    if column.cell != "auto":
        found["custom.cellOptions"] = {"type": column.cell} | _MODES.get(column.cell, {})
        found["thresholds"] = thresholds(look.steps).build()
    if look.words:
        found["mappings"] = mappings(look)
    optional = {
        "decimals": look.decimals,
        "min": look.lowest,
        "max": look.highest,
        "custom.width": column.width,
    }
    found |= {name: value for name, value in optional.items() if value is not None}
    if column.link:
        title, url = column.link
        found["links"] = [{"title": title, "url": url}]
    if column.align != "auto":
        found["custom.align"] = column.align
    if column.hidden:
        found["custom.hidden"] = True
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in found.items()]


_MODES: dict[str, dict[str, Any]] = {
    "color-background": {"mode": "basic"},
    "gauge": {"mode": "basic", "valueDisplayMode": "text"},
}
