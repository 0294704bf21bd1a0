"""Marks on every panel: alerts, deployed agents, agents that were lost."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from grafana.source.promql import EACH, milliseconds, most, of, state
from grafana.source.variables import SOURCE

ALERTS = 'ALERTS{alertname=~"Flatfile.+", alertstate="firing", job=~"$job"}'
"""What Prometheus remembers of its own rules. They are over the replicas: there is no instance."""


class Marks(model.AnnotationQuery):
    """With what the schema leaves to the data source (Grafana's manual, "Query annotations").

    A value is a mark from its first point to its last, unless ``at_value``: then it is a time, in
    milliseconds.
    """

    def __init__(
        self, name: str, expr: str, *, colour: str, title: str, text: str, at_value: bool = False
    ) -> None:
        super().__init__(
            name=name, expr=expr, datasource=SOURCE, icon_color=colour, enable=True, hide=False
        )
        self.title, self.text, self.at_value = title, text, at_value

    def to_json(self) -> dict[str, Any]:
        return {
            **super().to_json(),
            "step": "1m",
            "tagKeys": "",
            "textFormat": self.text,
            "titleFormat": self.title,
            "useValueForTime": self.at_value,
        }


class _Ready(Builder[model.AnnotationQuery]):
    """The schema's builder knows nothing of a subclass."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def build(self) -> Marks:
        return self._marks


def _ready(*args: Any, **options: Any) -> Builder[model.AnnotationQuery]:
    return _Ready(Marks(*args, **options))


def alerts(environment: str = "") -> Builder[model.AnnotationQuery]:
    """``environment`` is a matcher for those that are about one."""
    chosen = f"{ALERTS[:-1]}, {environment}}}" if environment else ALERTS
    return _ready(
        "Alerts",
        f"max by (alertname, severity, environment_name, collector) ({chosen})",
        colour="red",
        title="{{alertname}}",
        text="{{severity}} {{environment_name}}{{collector}}",
    )


def deployed(environment: str) -> Builder[model.AnnotationQuery]:
    """At the very time of each deploy, as Flatfile tells it."""
    updated = of("flatfile_agent_updated_timestamp_seconds", environment)
    slug = f"topk by (agent_id) (1, {of('flatfile_agent_info', environment)})"
    at = milliseconds(most(updated, "agent_id"))
    return _ready(
        "Deployed agents",
        f"{at}\n* on (agent_id) group_left (slug)\n  {slug}",
        colour="blue",
        title="Agent deployed",
        text="{{slug}}",
        at_value=True,
    )


def lost(environment: str) -> Builder[model.AnnotationQuery]:
    return _ready(
        "Lost agents",
        f"{state(environment)} == 3",
        colour="orange",
        title="Without its agent",
        text=f"{{{{{EACH}}}}}",
    )


def grafanas_own() -> build.AnnotationQuery:
    """Annotations that people make in Grafana itself: every dashboard has this one."""
    return (
        build.AnnotationQuery()
        .name("Annotations & Alerts")
        .datasource(model.DataSourceRef(type_val="grafana", uid="-- Grafana --"))
        .enable(True)
        .hide(True)
        .icon_color("rgba(0, 211, 255, 1)")
        .type("dashboard")
        .built_in(1)
    )
