"""The page at /: what each collector saw and when, what fails and why. Complete without scripts."""

from collections.abc import Iterator

from exporter.web import style
from exporter.web.audit import audit
from exporter.web.environments import environments
from exporter.web.headline import headlines
from exporter.web.markup import Markup, document, element, facts, joined, row, table
from exporter.web.markup import style as sheet
from exporter.web.status import CollectorStatus, Status
from exporter.web.times import when
from exporter.web.words import UNKNOWN, count, duration

TITLE = "flatfile-exporter"

_LATE = 1.0  # seconds; a round that begins less late than this is on time


def page(status: Status, refresh: int | None = None) -> str:
    """A whole document. ``refresh`` in seconds, if the visitor asked for it.

    It does not refresh by itself: a page that reloads takes the place away from whoever reads it
    with a screen reader or a magnifier (WCAG 2.2, success criterion 3.2.5), and a wall screen can
    ask.
    """
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{headlines(status)[0].text} {TITLE}"),
        element("link", rel="icon", href="data:,"),
        sheet(style.SHEET),
    ]
    if refresh is not None:
        head.append(element("meta", http_equiv="refresh", content=str(refresh)))
    return document(head, [element("main", *_sections(status, refresh))])


def _sections(status: Status, refresh: int | None) -> Iterator[Markup]:
    yield element("h1", TITLE)
    for sentence in headlines(status):
        yield element("p", sentence.text, class_=f"state {sentence.mood}")
    if status.account:
        yield element("p", f"Account {status.account}")
    if status.shard:
        yield element(
            "p", f"Shard {status.shard}: one part of the environments; others have the rest"
        )
    yield _links(status, refresh)
    yield element("h2", "Collectors")
    yield _collectors(status)
    yield element("h2", "Environments")
    yield from environments(status)
    if status.audit is not None:
        yield element("h2", "Audit log")
        yield from audit(status.audit, status.now)
    yield element("h2", "Token")
    yield _token(status)
    yield element("h2", "API")
    yield _api(status)
    yield element("h2", "This program")
    yield _program(status)


def _links(status: Status, refresh: int | None) -> Markup:
    places = [
        ("Metrics", status.telemetry_path),
        ("Ready", "/-/ready"),
        ("Healthy", "/-/healthy"),
        *([("Documentation", status.documentation)] if status.documentation else []),
        ("Refresh every 30 seconds", "/?refresh=30")
        if refresh is None
        else ("Stop refreshing", "/"),
    ]
    links = joined(element("li", element("a", text, href=place)) for text, place in places)
    return element("nav", element("ul", links), aria_label="Links")


def _collectors(status: Status) -> Markup:
    head = (
        "Collector", "State", "Last success", "Took", "Every", "Series", "Rounds", "Failures",
        "How it asks",
    )  # fmt: skip
    rows = (
        row(
            each.name,
            _state(each, status.now),
            when(each.last_success, status.now, "not yet"),
            UNKNOWN if each.duration is None else duration(each.duration),
            duration(each.interval),
            "none" if each.series is None else f"{each.series:,}",
            f"{each.rounds:,}",
            f"{each.failures:,}",
            each.plan or UNKNOWN,
            class_="alarm" if each.problem is not None else "",
        )
        for each in status.collectors
    )
    return table(f"{count(len(status.collectors), 'collector')} switched on", head, rows)


def _state(collector: CollectorStatus, now: float) -> Markup:
    if collector.problem is not None:
        since = when(collector.problem_since, now, "its first round")
        words = joined(("failing since ", since, f": {collector.problem}"))
        return element("span", words, class_="bad")
    if collector.last_success is None:
        return element("span", "waiting for its first round", class_="wait")
    if collector.lateness >= _LATE:
        late = f"ok, began {duration(collector.lateness)} late"
        return element("span", late, class_="wait")
    return element("span", "ok", class_="good")


def _token(status: Status) -> Markup:
    token = status.token
    validity = {True: "accepted", False: "refused", None: "not tried yet"}[token.valid]
    return facts(
        (
            ("Kind", token.kind),
            ("State", element("span", validity, class_="bad" if token.valid is False else "")),
            ("Expires", when(token.expires, status.now, "never, as far as is known")),
            ("Last refresh", when(token.last_refresh, status.now, "none yet")),
            ("Refreshes", f"{token.refreshes:,}"),
            ("Failed refreshes", f"{token.failures:,}"),
        )
    )


def _api(status: Status) -> Markup:
    api = status.api
    return facts(
        (
            ("Host", api.host),
            ("Budget", f"{round(api.budget, 2):g} requests a second"),
            ("Requests", f"{api.requests:,}"),
            ("Retries", f"{api.retries:,}"),
            ("Spent waiting for the budget", duration(api.throttled)),
        )
    )


def _program(status: Status) -> Markup:
    return facts(
        (
            ("This page is of", when(status.now, status.now)),
            ("Version", status.version),
            ("Revision", status.revision or UNKNOWN),
            ("Python", status.python),
            ("Started", when(status.started, status.now)),
            ("Running for", duration(status.now - status.started)),
        )
    )
