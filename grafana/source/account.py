"""The account as a whole: what it has, and what is wrong with it."""

from exporter.rules.promql import REMEMBERED
from grafana.source.annotations import ALERTS
from grafana.source.links import FROM_SERIES
from grafana.source.looks import COUNT, Look, good_until
from grafana.source.panels import Curve, Panel, Query, Text, graph, tile
from grafana.source.promql import (
    EACH,
    leading,
    most,
    named,
    newest,
    of,
    of_accounts,
    state,
    total,
)

UNSEEN = "Not listed yet, or no exporter is scraped"
LOST = ("FlatfileEnvironmentAgentLost", "FlatfileAgentsMassDisappearance")


def lost() -> Panel:
    text = Text(
        title="Environments that lost their agent",
        advice=(
            "Environments that had an agent and have none now; those in maintenance are not"
            " counted. Nothing handles their events: imports silently stop. The table below says"
            " which and since when; deploy the agent again."
        ),
        empty=UNSEEN,
        alerts=LOST,
    )
    return tile(
        text, Look(steps=good_until(1)), Query(total(f"{state()} == bool 3")), coloured=True
    )


def firing() -> Panel:
    """0 only where the rules are known to be evaluated; else it is not known."""
    text = Text(
        title="Alerts that fire",
        advice="Listed at the bottom, with their runbooks.",
        empty="Not known: this data source has no flatfile-alerts.yml",
    )
    evaluated = f'{REMEMBERED}{{job=~"$job"}}'
    expr = f"count({ALERTS})\nor\n0 * count({evaluated})"
    return tile(text, Look(steps=good_until(1)), Query(expr), coloured=True)


def number(title: str, family: str) -> Panel:
    text = Text(
        title=title,
        advice=f"{title} of the account. A fall that nobody ordered: ask who may delete them.",
        empty=UNSEEN,
    )
    return tile(text, COUNT, Query(of_accounts(family)))


def per_environment(title: str, family: str) -> Panel:
    text = Text(
        title=title,
        advice=(
            f"{title} of all environments; archived Spaces are not counted. A fall that nobody"
            " ordered: the dashboards of the environments say where."
        ),
        empty=UNSEEN,
    )
    return tile(text, COUNT, Query(total(newest(family, EACH))))


def active() -> Panel:
    windows = (("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
    text = Text(
        title="Users seen within",
        advice=(
            "Users who signed in within the last day, week and month. None within a day on a"
            " working day: signing in may be broken."
        ),
        empty=UNSEEN,
    )
    queries = [
        Query(of_accounts("flatfile_active_users", f'window="{window}"'), words)
        for window, words in windows
    ]
    return tile(text, COUNT, *queries)


def events() -> Panel:
    largest, rest = leading("flatfile_events_total", "topic", 9)
    text = Text(
        title="Events a minute by topic",
        advice=(
            "The nine topics with most events, and the rest. Silence at a time of work: is an agent"
            " lost, or the API? Much more than usual: look for a loop, an agent whose own writes"
            " start it again."
        ),
        empty="The collector of events is off or had no round yet, or no exporter is scraped",
        alerts=("FlatfileEventsStopped",),
    )
    curve = Curve(stacked=True, beside=True, axis="events a minute")
    return graph(text, Look(), Query(largest, "{{topic}}"), Query(rest, "all others"), curve=curve)


def failed() -> Panel:
    failed = most(of("flatfile_recent_events", 'topic="job:failed"'), EACH)
    text = Text(
        title="Jobs that failed of late",
        advice=(
            "Failed jobs within the trailing window of events (events.window, one hour by default)."
            " A rise in one environment: read the log of its agent."
        ),
        empty="The collector of events is off or had no round yet, or no exporter is scraped",
        alerts=("FlatfileJobsFailing",),
    )
    query = Query(named(failed), "{{environment_name}}")
    curve = Curve(axis="failed jobs", legend=("max", "lastNotNull"), link=FROM_SERIES)
    return graph(text, Look(), query, curve=curve)
