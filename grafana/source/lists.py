"""The lists of the overview: environments, alerts, collectors."""

from grafana.source import health
from grafana.source.account import LOST, UNSEEN
from grafana.source.annotations import ALERTS
from grafana.source.links import FROM_ROW
from grafana.source.looks import GREEN, ORANGE, RED, SEVERITY, STATE, Look, good_until
from grafana.source.panels import Panel, Query, Text, timeline
from grafana.source.promql import (
    EACH,
    SEEN,
    grown,
    least,
    milliseconds,
    most,
    named,
    newest,
    of,
    rate,
    state,
    total,
)
from grafana.source.tables import Column, Rows, listing


def environments() -> Panel:
    text = Text(
        title="Environments",
        advice=(
            "Every environment, those without their agent first. The time is when one was last"
            " seen with an agent: for one that lost it, since when. Click a name for its own"
            " dashboard."
        ),
        empty=UNSEEN,
        alerts=LOST,
    )
    events = total(most(rate("flatfile_events_total"), EACH, "topic"), EACH)
    return listing(
        text,
        Rows(
            key=EACH,
            queries={
                "A": named(state()),
                "B": newest("flatfile_environment_agents", EACH),
                "C": f"{milliseconds(newest(SEEN, EACH))} > 0",
                "D": newest("flatfile_environment_spaces", EACH),
                "E": newest("flatfile_environment_guests", EACH),
                "F": f"{events} * 60",
            },
            columns=(
                Column(of="environment_name", title="Environment", link=FROM_ROW),
                Column(of="A", title="State", look=STATE, cell="color-background",
                       width=130, align="center"),
                Column(of="B", title="Agents", width=75),
                Column(of="C", title="Last seen with one", look=Look(unit="dateTimeFromNow"),
                       width=155, none="never"),
                Column(of="D", title="Spaces", width=75),
                Column(of="E", title="Guests", width=75),
                Column(of="F", title="Events a minute", look=Look(decimals=1), width=130),
                Column(of=EACH, title="Id", hidden=True),
            ),
            sort="State",
        ),
    )  # fmt: skip


def history() -> Panel:
    """Only those that were without at some time of the range: of 200, none of the others helps."""
    agents = least(f"min_over_time({of('flatfile_environment_agents')}[$__range] @ end())", EACH)
    seen = most(f"max_over_time({of(SEEN)}[$__range] @ end())", EACH)
    without = f"({agents} == 0 and on ({EACH}) {seen} > 0)"
    text = Text(
        title="Environments that were without their agent",
        advice=(
            "When each was without. Short gaps are redeploys; one that comes and goes has an agent"
            " that does not stay deployed."
        ),
        empty="None was, as far as this time range is known",
        alerts=("FlatfileEnvironmentAgentFlapping",),
    )
    expr = f"({named(state())})\nand on ({EACH})\n  {without}"
    return timeline(text, STATE, Query(expr, "{{environment_name}}"))


def alerts() -> Panel:
    text = Text(
        title="Firing alerts",
        advice="By the rules of deploy/prometheus. Click a name for its runbook.",
        empty="None, if the tile above shows 0",
    )
    labels = "alertname, severity, environment_name, collector, job"
    runbook = ("Runbook", "${runbooks}/${__data.fields.alertname}.md")
    return listing(
        text,
        Rows(
            key="alertname",
            queries={"A": f"max by ({labels}) ({ALERTS})"},
            columns=(
                Column(of="severity", title="Severity", look=SEVERITY, cell="color-text", width=85),
                Column(of="alertname", title="Alert", link=runbook),
                Column(of="environment_name", title="Environment", width=140, none="all"),
                Column(of="collector", title="Collector", width=110, none="all"),
            ),
            sort="Severity",
            descending=False,
        ),
    )


def collectors() -> Panel:
    text = Text(
        title="Freshness of the data",
        advice=(
            "How old the newest complete data of each collector is. At 100 % it is called old."
            " Failures: the dashboard of the exporter says for which reason."
        ),
        empty="Nothing was collected yet, or no exporter is scraped",
        alerts=("FlatfileDataStale",),
    )
    newest_data = health.worst("flatfile_collector_last_success_timestamp_seconds", "collector")
    failed = most(
        total(grown("flatfile_collector_failures_total"), "job", "instance", "collector"),
        "collector",
    )
    share = Look(unit="percentunit", steps=good_until(0.7, 1), lowest=0, highest=1.2, decimals=0)
    state_of = Look(words={1: ("ok", GREEN), 0: ("failing", RED)})
    some = Look(steps=((None, GREEN), (0.5, ORANGE)), decimals=0)
    return listing(
        text,
        Rows(
            key="collector",
            queries={
                "A": health.worst("flatfile_collector_success", "collector"),
                "B": milliseconds(newest_data),
                "C": newest("flatfile_collector_interval_seconds", "collector"),
                "D": most(f"{health.age()} / {health.tolerated()}", "collector"),
                "E": failed,
            },
            columns=(
                Column(of="collector", title="Collector"),
                Column(of="A", title="Newest round", look=state_of, cell="color-background",
                       width=115, align="center"),
                Column(of="B", title="Newest data", look=Look(unit="dateTimeFromNow"), width=125,
                       none="not yet"),
                Column(of="C", title="Every", look=Look(unit="s"), width=75),
                Column(of="D", title="Of the tolerated age", look=share, cell="gauge", width=180),
                Column(of="E", title="Failed rounds", look=some, cell="color-text", width=110),
            ),
            sort="Of the tolerated age",
        ),
    )  # fmt: skip
