"""The rounds of the collectors."""

from grafana.source.looks import GREEN, ORANGE, Look, good_until, yes_or_no
from grafana.source.panels import Curve, Panel, Query, Text, graph, timeline
from grafana.source.promql import (
    least,
    milliseconds,
    most,
    newest,
    of,
    rate,
)
from grafana.source.tables import Column, Rows, listing


def success() -> Panel:
    text = Text(
        title="Newest round of each collector",
        advice=(
            "Whether it succeeded, on the replica that does worst. One collector alone: its route,"
            " or what the token may see. All of them: the API, the network or the credential."
        ),
        empty="No round has ended yet, or no exporter is scraped",
        alerts=("FlatfileDataStale",),
    )
    expr = least(of("flatfile_collector_success"), "collector")
    return timeline(text, yes_or_no("ok", "failing"), Query(expr, "{{collector}}"))


def failures() -> Panel:
    text = Text(
        title="Failed rounds a minute by reason",
        advice=(
            "unauthorized, forbidden: the credential. unreachable, timeout, server_error, throttled:"
            " wait, then Flatfile's status page. bad_request, not_found, malformed, too_large:"
            " the API has changed, report it. storage: the disk."
        ),
        empty="No failure is known, or no exporter is scraped",
        alerts=("FlatfileDataStale", "FlatfileAPIUnreachable"),
    )
    failed = rate("flatfile_collector_failures_total")
    some = f"sum by (instance, reason) ({failed})"
    expr = f"60 * {most(some, 'reason')} > 0"
    curve = Curve(bars=True, stacked=True, axis="failed rounds a minute")
    return graph(text, Look(), Query(expr, "{{reason}}"), curve=curve)


def collectors() -> Panel:
    text = Text(
        title="Collectors",
        advice=(
            "A cap that cuts something off: raise it, or leave environments out. A round that takes"
            " longer than its interval is late at each turn: raise the interval or"
            " api.requests-per-second."
        ),
        empty="No collector is switched on, or no exporter is scraped",
        alerts=("FlatfileCollectorTruncated", "FlatfileDataStale"),
    )
    took = newest("flatfile_collector_duration_seconds", "collector")
    every = newest("flatfile_collector_interval_seconds", "collector")
    part = Look(unit="percentunit", steps=good_until(0.9, 1), lowest=0, highest=1.2, decimals=1)
    capped = Look(words={0: ("no", GREEN), 1: ("yes", ORANGE)})
    return listing(
        text,
        Rows(
            key="collector",
            queries={
                "A": every,
                "B": took,
                "C": f"{took} / {every}",
                "D": newest("flatfile_collector_series", "collector"),
                "E": newest("flatfile_collector_truncated", "collector"),
                "F": milliseconds(newest(
                    "flatfile_collector_last_attempt_timestamp_seconds", "collector")),
            },
            columns=(
                Column(of="collector", title="Collector"),
                Column(of="F", title="Newest round", look=Look(unit="dateTimeFromNow"), width=125,
                       none="not yet"),
                Column(of="A", title="Every", look=Look(unit="s"), width=70),
                Column(of="B", title="Took", look=Look(unit="s", decimals=1), width=80,
                       none="not yet"),
                Column(of="C", title="Of its interval", look=part, cell="gauge", width=150,
                       none="not yet"),
                Column(of="D", title="Series", width=65, none="none"),
                Column(of="E", title="Capped", look=capped, cell="color-text", width=75,
                       align="center", none="not yet"),
            ),
            sort="Of its interval",
        ),
    )  # fmt: skip


def durations() -> Panel:
    text = Text(
        title="Duration of a round",
        advice=(
            "Of the slowest replica. A rise of all: the API is slow or the budget is used up. A rise"
            " of one: its listing has grown."
        ),
        empty="No round has ended yet, or no exporter is scraped",
        alerts=("FlatfileAPIThrottled",),
    )
    query = Query(newest("flatfile_collector_duration_seconds", "collector"), "{{collector}}")
    return graph(text, Look(unit="s"), query, curve=Curve(steps=True))


def rounds() -> Panel:
    text = Text(
        title="Rounds a minute",
        advice="One for each interval. Fewer: rounds take longer than their interval.",
        empty="No round has ended yet, or no exporter is scraped",
        alerts=("FlatfileDataStale",),
    )
    query = Query(
        f"60 * {most(rate('flatfile_collector_rounds_total'), 'collector')}", "{{collector}}"
    )
    return graph(text, Look(), query, curve=Curve(axis="rounds a minute"))


def lateness() -> Panel:
    text = Text(
        title="Lateness of a round",
        advice=(
            "How long after its due time the newest one began, on the replica that does worst. All"
            " of them: the budget is used up, or the API is slow. The agents alone: more"
            " environments than requests in an interval; hints still find a lost agent at once."
        ),
        empty="No round has ended yet, or no exporter is scraped",
        alerts=("FlatfileAPIThrottled",),
    )
    query = Query(most(of("flatfile_collector_lateness_seconds"), "collector"), "{{collector}}")
    return graph(text, Look(unit="s"), query, curve=Curve(steps=True))


def hints() -> Panel:
    text = Text(
        title="Environments asked again a minute",
        advice=(
            "Between the rounds, because an event said that something changed. None although agents"
            " are deployed: the feed is refused or empty, and only rounds find out."
        ),
        empty="No exporter is scraped",
    )
    query = Query(
        f"60 * {most(rate('flatfile_collector_hints_total'), 'collector')}", "{{collector}}"
    )
    return graph(text, Look(), query, curve=Curve(axis="environments a minute"))
