"""The audit log: what waits, what is missing, and whether it goes on at all."""

from exporter.rules.promql import Words
from exporter.rules.rule import Alert, Group
from exporter.rules.thresholds import Thresholds
from exporter.settings.durations import duration


def group(t: Thresholds) -> Group:
    return Group(name="flatfile-audit", rules=(_stuck(t), _gap(t), _lagging(t)))


def _stuck(t: Thresholds) -> Alert:
    """By the age of what waits: a full backlog that moves is no reason to wake anybody.

    The value before a restart of the exporter stands for a while, so that it starts nothing over.
    """
    words = Words(t)
    each = f"{t.identity}, sink"
    oldest = "flatfile_audit_sink_oldest_unsent_timestamp_seconds"
    waiting = f"last_over_time(flatfile_audit_sink_backlog_records[{words.lookback}])"
    return Alert(
        name="FlatfileAuditSinkStuck",
        severity="warning",
        lasting=t.audit_stuck_for,
        expr=(
            f"time() - max by ({each}) (last_over_time({oldest}[{words.lookback}]))"
            f" > {t.audit_stuck_after}\n"
            f"and on ({each})\n"
            f"max by ({each}) ({waiting}) > 0"
        ),
        summary="A sink of the audit log takes no records.",
        description=(
            "Sink {{ $labels.sink }} of {{ $labels.job }} has records waiting that are"
            " {{ $value | humanizeDuration }} old. They are kept, and the feed stops once the"
            " backlog is at its limit."
        ),
    )


def _gap(t: Thresholds) -> Alert:
    """By when the newest one was recorded, which stands in the log and outlives any absence.

    Most gaps come of an exporter that was away, and are recorded before its first scrape: of a
    counter there would be nothing before to compare with. By the counter as well, since the time
    is one of the exporter's clock. The alert says a gap for a day.
    """
    newest, gaps = "flatfile_audit_last_gap_timestamp_seconds", "flatfile_audit_gaps_total"
    memory = duration(t.audit_gap_memory)
    last = f"max by ({t.identity}) (last_over_time({newest}[{Words(t).lookback}]))"
    before = f"max by ({t.identity}) (min_over_time({gaps}[{memory}]))"
    return Alert(
        name="FlatfileAuditGap",
        severity="critical",
        expr=(
            f"time() - {last} < {t.audit_gap_memory}\n"
            f"or on ({t.identity})\n"
            f"max by ({t.identity}) ({gaps}) - {before} > 0"
        ),
        summary="Something is missing in the audit log that cannot be had any more.",
        description=(
            "The audit log of {{ $labels.job }} has a new record of kind gap: Flatfile no longer"
            " shows what belongs there."
        ),
    )


def _lagging(t: Thresholds) -> Alert:
    """By our own reading of the feed, not by the newest event: a quiet account is no lag.

    Whoever writes or waits says which exporters keep a log at all; with none that writes there is
    no reading either.
    """
    words = Words(t)
    success = "flatfile_audit_feed_last_success_timestamp_seconds"
    newest = f"max by ({t.identity}) (last_over_time({success}[{words.lookback}]))"
    here = f"max by ({t.identity}) (last_over_time(flatfile_audit_writer[{words.lookback}]))"
    return Alert(
        name="FlatfileAuditLagging",
        severity="critical",
        lasting=t.audit_lagging_for,
        reads_data=True,
        expr=(
            f"time() - {newest} > {t.audit_lagging_after}\n"
            f"and on ({t.identity}) {here}\n"
            f"or on ({t.identity})\n"
            f"({here} * 0 unless on ({t.identity}) {newest})"
        ),
        summary="The audit log is not being written.",
        description=(
            "{{ $labels.job }} has not read the event feed whole for its audit log for too long"
            " ({{ $value | humanizeDuration }}; 0s: never since it is watched)."
            " If it lasts, Flatfile may forget what is missing."
        ),
    )
