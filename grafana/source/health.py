"""Tiles that several dashboards show: is the API there, is the credential good, is data fresh."""

from exporter.rules import Thresholds
from grafana.source.looks import GREEN, ORANGE, RED, Look, bad_until, good_until, yes_or_no
from grafana.source.panels import Panel, Query, Text, tile
from grafana.source.promql import least, most, newest, of, total

T = Thresholds()
NOBODY = "No exporter is scraped"
BY_REPLICA = "{{instance}}"

_SUCCESS = "flatfile_collector_last_success_timestamp_seconds"
_INTERVAL = "flatfile_collector_interval_seconds"


def tolerated() -> str:
    """The age at which FlatfileDataStale calls the data of a collector old, in seconds."""
    interval = newest(_INTERVAL, "job", "collector")
    return f"clamp_min({T.stale_intervals} * {interval}, {T.stale_after})"


def age() -> str:
    """Of the newest data of each collector, in seconds; absent before its first success."""
    return f"(time() - {newest(_SUCCESS, 'job', 'collector')})"


def api() -> Panel:
    """The account of each job must be reached by one of its replicas."""
    text = Text(
        title="Flatfile API",
        advice=(
            "Whether the newest attempt to talk to the API was authenticated and answered. If not,"
            " what is shown of the account is the last that was seen, until it is dropped:"
            " look at the failures by reason on the dashboard of the exporter."
        ),
        empty=NOBODY,
        alerts=("FlatfileAPIUnreachable", "FlatfileTokenInvalid", "FlatfileExporterDown"),
    )
    expr = least(newest("flatfile_up", "job"))
    return tile(text, yes_or_no("answers", "no answer"), Query(expr), coloured=True)


def token() -> Panel:
    """Each replica has a token of its own; the one that ends first counts."""
    left = T.token_left
    text = Text(
        title="Token life left",
        advice=(
            "Time until the access token expires. It is refreshed hours before; with less than"
            f" {left // 3600} hours left, refreshes have been failing: see the credential and the"
            " failed refreshes on the dashboard of the exporter."
        ),
        empty="No token that expires: a pat_ token, or no exporter is scraped",
        alerts=("FlatfileTokenExpiringSoon",),
    )
    look = Look(unit="s", steps=((None, RED), (left / 3, ORANGE), (left, GREEN)))
    expr = f"{least(of('flatfile_token_expiry_timestamp_seconds'))} - time()"
    return tile(text, look, Query(expr), coloured=True)


def stale() -> Panel:
    text = Text(
        title="Collectors with old data",
        advice=(
            "Collectors whose newest data is older than"
            f" {T.stale_intervals} of their intervals and {T.stale_after // 60} minutes. The table"
            " of collectors says which; the dashboard of the exporter says why."
        ),
        empty="Nothing was collected yet, or no exporter is scraped",
        alerts=("FlatfileDataStale",),
    )
    expr = total(f"{age()} > bool {tolerated()}")
    return tile(text, Look(steps=good_until(1)), Query(expr), coloured=True)


def credential() -> Panel:
    text = Text(
        title="Credential",
        advice=(
            "Refused: the API or its login said no to the credential of at least one replica. Mint"
            " a new personal access token in Flatfile and put it where the exporter reads it."
        ),
        empty=NOBODY,
        alerts=("FlatfileTokenInvalid",),
    )
    expr = least(of("flatfile_token_valid"))
    return tile(text, yes_or_no("accepted", "refused"), Query(expr), coloured=True)


def replicas() -> Panel:
    text = Text(
        title="Exporters that answer",
        advice=(
            "Scrape targets that answered last time. Fewer than you run: look at the targets page"
            " of Prometheus, then at the log of the one that is missing."
        ),
        empty="Prometheus has no such target",
        alerts=("FlatfileExporterDown",),
    )
    return tile(text, Look(steps=bad_until(1)), Query(total(of("up"))), coloured=True)


def flag(text: Text, look: Look, family: str) -> Panel:
    """A gauge that is 1 on every replica when all is well."""
    return tile(text, look, Query(least(of(family))), coloured=True)


def worst(family: str, *by: str) -> str:
    """Of the replicas the best, of the accounts the worst."""
    return least(most(of(family), "job", *by), *by)
