"""What the exporter asks of Flatfile, how long that takes, and the budget for it."""

from grafana.source.health import BY_REPLICA, T
from grafana.source.looks import GREEN, RED, Look, good_until
from grafana.source.panels import Curve, Panel, Query, Text, graph
from grafana.source.promql import (
    lately,
    least,
    most,
    of,
    quantile,
    rate,
    total,
)

_NO_REQUEST = "No request was sent yet, or no exporter is scraped"


def requests() -> Panel:
    text = Text(
        title="Requests a second by route and code",
        advice=(
            "Of the replica that asks most. 401: the credential. 403: what it may see. 429: the"
            " budget is too large for this account. 5xx and error: the API or the way to it."
        ),
        empty=_NO_REQUEST,
        alerts=("FlatfileAPIUnreachable", "FlatfileTokenInvalid"),
    )
    each = total(rate("flatfile_api_requests_total"), "instance", "route", "code")
    query = Query(most(each, "route", "code"), "{{route}} {{code}}")
    return graph(text, Look(unit="reqps"), query, curve=Curve(stacked=True, beside=True))


def latency() -> Panel:
    family = "flatfile_api_request_duration_seconds"
    text = Text(
        title="Latency of requests",
        advice=(
            "Half, nine of ten and 99 of a hundred answers are whole within this time. Near"
            " api.timeout (30 s by default): fewer requests at once, or smaller pages."
        ),
        empty=_NO_REQUEST,
        alerts=("FlatfileAPIUnreachable",),
    )
    queries = [
        Query(quantile(share, family), words)
        for share, words in ((0.5, "half"), (0.9, "90 %"), (0.99, "99 %"))
    ]
    look = Look(unit="s", steps=((None, GREEN), (30, RED)))
    return graph(text, look, *queries, curve=Curve())


def latency_by_route() -> Panel:
    text = Text(
        title="Latency by route, 90 %",
        advice="The route that is slow. Listings of many pages are; others should not be.",
        empty=_NO_REQUEST,
        alerts=("FlatfileAPIUnreachable",),
    )
    expr = quantile(0.9, "flatfile_api_request_duration_seconds", "route")
    return graph(text, Look(unit="s"), Query(expr, "{{route}}"), curve=Curve())


def budget() -> Panel:
    text = Text(
        title="Budget",
        advice=(
            "What the limiter lets out, and what is asked, of the replica that asks most. Asked"
            " near allowed all the time: raise api.requests-per-second or the intervals. Allowed"
            " below what was configured: Flatfile said 429."
        ),
        empty=_NO_REQUEST,
        alerts=("FlatfileAPIThrottled",),
    )
    asked = most(total(rate("flatfile_api_requests_total"), "instance"))
    allowed = least(of("flatfile_api_budget_requests_per_second"))
    queries = (Query(allowed, "allowed"), Query(asked, "asked"))
    return graph(text, Look(unit="reqps"), *queries, curve=Curve(legend=("min", "max")))


def waiting() -> Panel:
    text = Text(
        title="Requests that wait for the budget",
        advice=(
            f"At any moment, on average. Above {T.throttled:g} for long, more is asked than is let"
            " out: raise api.requests-per-second if the account can bear it, or the intervals."
        ),
        empty=_NO_REQUEST,
        alerts=("FlatfileAPIThrottled",),
    )
    look = Look(steps=good_until(T.throttled), decimals=2)
    query = Query(most(rate("flatfile_api_throttled_seconds_total"), "instance"), BY_REPLICA)
    return graph(text, look, query, curve=Curve(limit=True))


def retries() -> Panel:
    text = Text(
        title="Requests sent again a minute, by reason",
        advice="Some are normal. Many for hours: the reason says whom to ask, as for failed rounds.",
        empty=_NO_REQUEST,
        alerts=("FlatfileAPIUnreachable",),
    )
    each = most(rate("flatfile_api_retries_total"), "reason")
    query = Query(f"60 * {each} > 0", "{{reason}}")
    return graph(text, Look(), query, curve=Curve(bars=True, stacked=True, axis="a minute"))


def refreshes() -> Panel:
    text = Text(
        title="Token refreshes within an hour",
        advice=(
            "Four or five a day are normal. Failures: the login refuses or does not answer. Many:"
            " something else revokes the tokens."
        ),
        empty="A pat_ token is never refreshed; or no exporter is scraped",
        alerts=("FlatfileTokenExpiringSoon", "FlatfileTokenInvalid"),
    )
    queries = (
        Query(most(lately("flatfile_token_refreshes_total")), "obtained"),
        Query(most(lately("flatfile_token_refresh_failures_total")), "failed"),
    )
    colours = {"failed": RED, "obtained": GREEN}
    curve = Curve(axis="within an hour", legend=("max", "lastNotNull"), colours=colours)
    return graph(text, Look(), *queries, curve=curve)
