"""What every dashboard has in common: its variables, marks, links, times and the grid."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana.source import annotations, variables
from grafana.source.panels import Panel

TAG = "flatfile-exporter"
_COLUMNS = 24
_HEADER = 1
_SCHEMA = 39
"""Of Grafana 11.0. Newer ones read it, and migrate it in memory."""


@dataclass(frozen=True, slots=True)
class Band:
    """Panels side by side, each with its width of 24 columns; with a ``title``, a row begins."""

    height: int
    panels: tuple[tuple[int, Panel], ...]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A dashboard. The end of its ``uid`` is also the name of its file."""

    uid: str
    title: str
    description: str
    bands: Sequence[Band]
    variables: Sequence[Builder[model.VariableModel]] = field(default=())
    marks: Sequence[Builder[model.AnnotationQuery]] = field(
        default_factory=lambda: (annotations.alerts(),)
    )


def document(frame: Frame, runbooks: str) -> str:
    """The JSON to import."""
    made = (
        build.Dashboard(frame.title)
        .uid(frame.uid)
        .description(frame.description)
        .tags(["flatfile", TAG])
        .timezone("utc")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .links([_others(), _pages()])
        .annotations([annotations.grafanas_own(), *frame.marks])
        .variables(
            [
                variables.datasource(),
                variables.job(),
                variables.instance(),
                *frame.variables,
                variables.runbooks(runbooks),
            ]
        )
        .build()
    )
    made.schema_version = _SCHEMA
    made.panels = list(_laid_out(frame.bands))
    return json.dumps(made, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _laid_out(bands: Sequence[Band]) -> Iterator[model.Panel | model.RowPanel]:
    """From the top, each with a number that stays as long as nothing comes before it."""
    y, number = 0, 0
    for band in bands:
        if band.title:
            number += 1
            row = build.Row(band.title).id(number).build()
            row.grid_pos = model.GridPos(x=0, y=y, w=_COLUMNS, h=_HEADER)
            yield row
            y += _HEADER
        x = 0
        for width, panel in band.panels:
            number += 1
            made = panel.build()
            made.id_val = number
            made.grid_pos = model.GridPos(x=x, y=y, w=width, h=band.height)
            yield made
            x += width
        if x != _COLUMNS:
            raise ValueError(f"a band of {x} columns: there are {_COLUMNS}")
        y += band.height


def _others() -> build.DashboardLink:
    return (
        build.DashboardLink("Flatfile")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )


def _pages() -> build.DashboardLink:
    return (
        build.DashboardLink("Runbooks")
        .type(model.DashboardLinkType.LINK)
        .icon("doc")
        .url("${runbooks}")
        .target_blank(True)
    )
