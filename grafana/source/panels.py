"""The kinds of panels, each with the looks that all of its kind share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.source.looks import Look, mappings, thresholds
from grafana.source.variables import SOURCE

Panel = Builder[model.Panel]
B = TypeVar("B", stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)

SCRAPE = "1m"
"""What a query takes the interval of the scrapes for, whatever the data source says: Prometheus'
own default. With a shorter one Grafana would ask for rates over windows that hold one sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a panel says in words.

    ``advice`` is what to do when it looks bad, ``empty`` why it may be empty; ``alerts`` are those
    whose runbooks it links to.
    """

    title: str
    advice: str
    empty: str
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """``legend`` is Grafana's template of labels."""

    expr: str
    legend: str = ""


def tile(
    text: Text, look: Look, *queries: Query, coloured: bool = False, words: bool = False
) -> Panel:
    """A number of this moment, never an older one: it vanishes with the data.

    ``coloured`` fills it, for what somebody must see from across the room; ``words`` shows the
    legends in place of the numbers.
    """
    made = said(stat.Panel(), text, look)
    for ref, query in _lettered(queries):
        made.with_target(_target(ref, query).instant())
    shown = kinds.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else None
    return (
        made.color_mode(
            kinds.BigValueColorMode.BACKGROUND if coloured else kinds.BigValueColorMode.VALUE
        )
        .graph_mode(kinds.BigValueGraphMode.NONE)
        .text_mode(kinds.BigValueTextMode.NAME if words else shown or kinds.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["last"]))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """``limit`` draws the thresholds of the look as lines; ``axis`` says what the unit cannot.

    ``legend`` are Grafana's calculations; ``link`` is the title and URL that a series leads to;
    ``colours`` are those of names in the legend that mean good or bad; ``beside`` puts the legend
    to the right.
    """

    stacked: bool = False
    bars: bool = False
    steps: bool = False
    limit: bool = False
    axis: str = ""
    legend: tuple[str, ...] = ("mean", "max")
    link: tuple[str, str] | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    beside: bool = False
    from_zero: bool = True


def graph(text: Text, look: Look, *queries: Query, curve: Curve | None = None) -> Panel:
    """Over time. The legend is a table, the largest first."""
    of = curve or Curve()
    made = said(timeseries.Panel(), text, look)
    for ref, query in _lettered(queries):
        made.with_target(_target(ref, query).range())
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(kinds.LegendDisplayMode.TABLE)
        .placement(kinds.LegendPlacement.RIGHT if of.beside else kinds.LegendPlacement.BOTTOM)
        .calcs(list(of.legend))
    )
    if of.legend:
        legend.sort_by(of.legend[0].title()).sort_desc(True)
    tooltip = (
        common.VizTooltipOptions()
        .mode(kinds.TooltipDisplayMode.MULTI)
        .sort(kinds.SortOrder.DESCENDING)
    )
    made.legend(legend).tooltip(tooltip).axis_label(of.axis)
    if of.from_zero:
        made.axis_soft_min(0)
    made.line_width(1 if of.stacked else 2).show_points(kinds.VisibilityMode.NEVER)
    made.fill_opacity(60 if of.bars else 30 if of.stacked else 8)
    made.draw_style(kinds.GraphDrawStyle.BARS if of.bars else kinds.GraphDrawStyle.LINE)
    if of.steps:
        made.line_interpolation(kinds.LineInterpolation.STEP_AFTER)
    if of.stacked:
        made.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    if of.limit:
        made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
        )
    if of.link:
        title, url = of.link
        made.data_links([dashboard.DashboardLink(title).url(url)])
    for name, colour in of.colours.items():
        fixed = {"mode": model.FieldColorModeId.FIXED, "fixedColor": colour}
        made.override_by_name(name, [model.DynamicConfigValue(id_val="color", value=fixed)])
    return made.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))


def timeline(text: Text, look: Look, *queries: Query) -> Panel:
    """A state over time, a line for each series."""
    made = said(statetimeline.Panel(), text, look)
    for ref, query in _lettered(queries):
        made.with_target(_target(ref, query).range())
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(kinds.LegendDisplayMode.LIST)
        .placement(kinds.LegendPlacement.BOTTOM)
    )
    tooltip = common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.SINGLE)
    return (
        made.merge_values(True)
        .show_value(kinds.VisibilityMode.NEVER)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(80)
        .legend(legend)
        .tooltip(tooltip)
    )


def said(made: B, text: Text, look: Look) -> B:
    """The words and looks of a panel of any kind."""
    made.title(text.title).description(text.advice).no_value(text.empty).datasource(SOURCE)
    made.unit(look.unit).thresholds(thresholds(look.steps)).mappings(mappings(look))
    made.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    if look.decimals is not None:
        made.decimals(look.decimals)
    if look.lowest is not None:
        made.min(look.lowest)
    if look.highest is not None:
        made.max(look.highest)
    if text.alerts:
        made.links([runbook(alert) for alert in text.alerts])
    return made


def runbook(alert: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(f"Runbook of {alert}")
        .type(model.DashboardLinkType.LINK)
        .url(f"${{runbooks}}/{alert}.md")
        .target_blank(True)
    )


def rows(ref: str, expr: str) -> prometheus.Dataquery:
    """A query of this moment, as rows of a table."""
    return _target(ref, Query(expr)).instant().format(PromQueryFormat.TABLE)


def _target(ref: str, query: Query) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(ref).expr(query.expr).datasource(SOURCE).interval(SCRAPE)
    return made.legend_format(query.legend) if query.legend else made


def _lettered(queries: Sequence[Query]) -> list[tuple[str, Query]]:
    return [(chr(ord("A") + at), query) for at, query in enumerate(queries)]
