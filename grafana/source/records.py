"""The records of the audit log: written, late, missing, chained."""

from grafana.source.health import T
from grafana.source.looks import GREEN, RED, Look, good_until, yes_or_no
from grafana.source.panels import Curve, Panel, Query, Text, graph, tile
from grafana.source.promql import (
    lately,
    milliseconds,
    most,
    of,
    quantile,
    rate,
    within,
)

OFF = "The audit log is off (see the settings audit.*), or no exporter is scraped"
_STUCK, _GAP, _LAGGING = "FlatfileAuditSinkStuck", "FlatfileAuditGap", "FlatfileAuditLagging"
NEWEST = ("max", "lastNotNull")


def feed() -> Panel:
    text = Text(
        title="Event feed last read",
        advice=(
            f"Since the feed was last read whole. From {T.audit_lagging_after // 60} minutes on"
            " events are missing here that happened: is the API there, and does anything write?"
        ),
        empty=OFF,
        alerts=(_LAGGING,),
    )
    late = T.audit_lagging_after
    look = Look(unit="s", decimals=0, steps=good_until(late / 2, late))
    read = most(of("flatfile_audit_feed_last_success_timestamp_seconds"))
    return tile(text, look, Query(f"time() - {read}"), coloured=True)


def _state(title: str, family: str, advice: str, good: str, bad: str) -> Panel:
    """Of the replica that does best: one is enough."""
    text = Text(title=title, advice=advice, empty=OFF, alerts=(_LAGGING,))
    return tile(text, yes_or_no(good, bad), Query(most(of(family))), coloured=True)


def writer() -> Panel:
    return _state(
        "Writer",
        "flatfile_audit_writer",
        "One process feeds the log, others wait to take over. None: who holds the lock of the store?",
        "there",
        "none",
    )


def store() -> Panel:
    return _state(
        "Store",
        "flatfile_audit_store_available",
        "Broken: it could not be read or written. Look at the disk, and at the log of the exporter.",
        "usable",
        "broken",
    )


def reading() -> Panel:
    text = Text(
        title="Feed",
        advice=(
            "Blocked: the backlog of a sink is at its limit, and nothing is read so that nothing is"
            " lost. Mend the sink, or take it out."
        ),
        empty=OFF,
        alerts=(_STUCK,),
    )
    look = Look(words={0: ("flows", GREEN), 1: ("blocked", RED)}, steps=good_until(1))
    return tile(text, look, Query(most(of("flatfile_audit_feed_blocked"))), coloured=True)


def gaps() -> Panel:
    text = Text(
        title="Gaps in this time range",
        advice=(
            "Stretches of time in which the source had forgotten what the cursor still needed. Each"
            " is a record of its own in the log: look there which, and shorten what made the feed"
            " fall behind."
        ),
        empty=OFF,
        alerts=(_GAP,),
    )
    look = Look(unit="locale", steps=good_until(0.5), decimals=0)
    return tile(text, look, Query(within("flatfile_audit_gaps_total")), coloured=True)


def newest_event() -> Panel:
    text = Text(
        title="Newest event",
        advice="When the newest event happened that was kept. Long ago: silence, or no progress?",
        empty=OFF,
        alerts=(_LAGGING,),
    )
    expr = milliseconds(most(of("flatfile_audit_newest_event_timestamp_seconds")))
    return tile(text, Look(unit="dateTimeFromNow"), Query(expr))


def written() -> Panel:
    text = Text(
        title="Records in this time range",
        advice="None while there are events: is the writer the one that is looked at?",
        empty=OFF,
        alerts=(_LAGGING,),
    )
    expr = within("flatfile_audit_records_total")
    return tile(text, Look(unit="locale", decimals=0), Query(expr))


def height() -> Panel:
    text = Text(
        title="Height of the chain",
        advice="Records ever chained. It never falls; if it does, run `audit verify` at once.",
        empty=OFF,
    )
    return tile(text, Look(unit="locale"), Query(most(of("flatfile_audit_chain_height"))))


def checkpoint() -> Panel:
    text = Text(
        title="Newest checkpoint",
        advice=(
            "When the chain was last signed. What came after can be proven only by the chain itself."
            " Long ago: is the key readable?"
        ),
        empty="None yet, or the audit log is off (see the settings audit.*)",
    )
    expr = milliseconds(most(of("flatfile_audit_last_checkpoint_timestamp_seconds")))
    return tile(text, Look(unit="dateTimeFromNow"), Query(expr))


def records() -> Panel:
    text = Text(
        title="Records a minute",
        advice="As many as there are events. Less for long: the feed falls behind, see the lag.",
        empty=OFF,
        alerts=(_LAGGING,),
    )
    query = Query(f"60 * {most(rate('flatfile_audit_records_total'))}", "records")
    return graph(text, Look(), query, curve=Curve(axis="records a minute"))


def lag() -> Panel:
    text = Text(
        title="Lag: from an event to its record",
        advice=(
            "Half, nine of ten and 99 of a hundred records are written within this time of their"
            " event. A settle delay and the interval are in it. A rise: a burst, or the API is slow."
        ),
        empty=OFF,
        alerts=(_LAGGING,),
    )
    queries = [
        Query(quantile(share, "flatfile_audit_lag_seconds"), words)
        for share, words in ((0.5, "half"), (0.9, "90 %"), (0.99, "99 %"))
    ]
    look = Look(unit="s", steps=good_until(T.audit_lagging_after))
    return graph(text, look, *queries, curve=Curve())


def odd() -> Panel:
    text = Text(
        title="Late, repeated and missing, within an hour",
        advice=(
            "Late events are appended and flagged, repeated ones are dropped: both are normal in"
            " some measure. A gap is not: see the log for which stretch."
        ),
        empty=OFF,
        alerts=(_GAP,),
    )
    queries = [
        Query(most(lately(f"flatfile_audit_{kind}_total")), words)
        for kind, words in (("late", "late"), ("duplicates", "repeated"), ("gaps", "gaps"))
    ]
    colours = {"gaps": RED}
    curve = Curve(axis="within an hour", legend=NEWEST, colours=colours)
    return graph(text, Look(), *queries, curve=curve)


def unresolved_over_time() -> Panel:
    text = Text(
        title="Actors not resolved within an hour, by kind",
        advice=(
            "Records that say an id and no name. Some are normal: API keys have none. A rise of"
            " users or guests: their listings fail, or are older than the events."
        ),
        empty=OFF,
    )
    each = most(lately("flatfile_audit_unresolved_actors_total"), "kind")
    curve = Curve(axis="records", legend=NEWEST)
    return graph(text, Look(), Query(each, "{{kind}}"), curve=curve)


def chain() -> Panel:
    text = Text(
        title="Height of the chain over time",
        advice="It rises or stands still. A fall: the store was put back; run `audit verify`.",
        empty=OFF,
    )
    query = Query(most(of("flatfile_audit_chain_height"), "instance"), "{{instance}}")
    curve = Curve(axis="records", legend=("min", "max"), from_zero=False)
    return graph(text, Look(unit="locale"), query, curve=curve)
