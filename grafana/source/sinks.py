"""Where the records of the audit log go, and what waits."""

from grafana.source.health import T
from grafana.source.looks import Look, good_until
from grafana.source.panels import Curve, Panel, Query, Text, graph, tile
from grafana.source.promql import lately, most, newest, total, within
from grafana.source.records import NEWEST, OFF

_STUCK = "FlatfileAuditSinkStuck"


def backlog() -> Panel:
    text = Text(
        title="Records that wait for a sink",
        advice=(
            "Over all sinks. Below is which one, and for how long: is it reachable, does it accept"
            " what is sent? Nothing is lost as long as the disk has room."
        ),
        empty=OFF,
        alerts=(_STUCK,),
    )
    expr = total(newest("flatfile_audit_sink_backlog_records", "job", "sink"))
    return tile(
        text, Look(unit="locale", steps=good_until(1_000, 10_000)), Query(expr), coloured=True
    )


def waiting() -> Panel:
    text = Text(
        title="The oldest of them waits since",
        advice=(
            f"A sink that takes nothing for {T.audit_stuck_after // 60} minutes is stuck: read the"
            " log of the exporter."
        ),
        empty=OFF,
        alerts=(_STUCK,),
    )
    look = Look(unit="s", steps=good_until(T.audit_stuck_after / 3, T.audit_stuck_after))
    return tile(text, look, Query(f"max({_age()})"), coloured=True)


def _age() -> str:
    """Of the oldest record that a sink has not taken, in seconds; 0 where nothing waits."""
    oldest = newest("flatfile_audit_sink_oldest_unsent_timestamp_seconds", "sink")
    nothing = newest("flatfile_audit_sink_backlog_records", "sink")
    return f"(time() - {oldest})\nor on (sink)\n{nothing} * 0"


def dead() -> Panel:
    text = Text(
        title="Dead letters in this time range",
        advice=(
            "Records that a sink refused for good. They are kept with the reason; mend that, then"
            " send them again."
        ),
        empty="No sink, or the audit log is off (see the settings audit.*)",
        alerts=(_STUCK,),
    )
    look = Look(unit="locale", steps=good_until(0.5), decimals=0)
    expr = within("flatfile_audit_sink_dead_letters_total", "sink", "reason")
    return tile(text, look, Query(expr), coloured=True)


def backlogs() -> Panel:
    text = Text(
        title="Backlog by sink",
        advice=(
            "Records that a sink has not taken yet. One that only rises does not take what it is"
            " sent; the others do not wait for it."
        ),
        empty=OFF,
        alerts=(_STUCK,),
    )
    query = Query(newest("flatfile_audit_sink_backlog_records", "sink"), "{{sink}}")
    return graph(text, Look(), query, curve=Curve(axis="records", legend=NEWEST))


def oldest() -> Panel:
    text = Text(
        title="Age of what waits longest, by sink",
        advice="0 where nothing waits. A straight rise: the sink takes nothing at all.",
        empty=OFF,
        alerts=(_STUCK,),
    )
    look = Look(unit="s", steps=good_until(T.audit_stuck_after))
    curve = Curve(limit=True, legend=NEWEST)
    return graph(text, look, Query(_age(), "{{sink}}"), curve=curve)


def dead_over_time() -> Panel:
    text = Text(
        title="Dead letters within an hour, by sink and reason",
        advice="The reason is what the sink said. Mend that, then send them again.",
        empty="No sink, or the audit log is off (see the settings audit.*)",
        alerts=(_STUCK,),
    )
    each = most(lately("flatfile_audit_sink_dead_letters_total"), "sink", "reason")
    query = Query(each, "{{sink}} {{reason}}")
    return graph(text, Look(), query, curve=Curve(axis="letters", legend=NEWEST))
