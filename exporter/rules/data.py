"""Collectors that fail or leave something out, and what the events say."""

from exporter.rules.causes import INVALID, UNREACHABLE
from exporter.rules.promql import Words
from exporter.rules.rule import Alert, Group
from exporter.rules.thresholds import Thresholds
from exporter.settings.durations import duration


def group(t: Thresholds) -> Group:
    return Group(name="flatfile-data", rules=(_stale(t), _truncated(t), _failing(t), _stopped(t)))


def _stale(t: Thresholds) -> Alert:
    """Each collector by its own interval. One that never succeeded is as old as its process.

    Of replicas the one that does best counts; each shard for itself, for no other can stand in.
    The interval is read now and not from the past: it is there exactly while the collector is
    switched on. After an outage of the API a collector gets the time of one interval: its next
    round may be as far away, and is no second thing to be told. (Twice the look back is added,
    once for the steps in which the outage is looked for, and once for the round itself.)
    """
    words = Words(t)
    each = f"{t.identity}, shard, collector"
    success = words.of_shards("flatfile_collector_last_success_timestamp_seconds")
    asked = words.of_shards("flatfile_collector_interval_seconds")
    age = (
        f"(time() - (max by ({each}) ({success})"
        f" or max by ({each}) ({asked} * 0"
        f" + on ({t.identity}, instance) group_left () process_start_time_seconds)))"
    )
    interval = f"max by ({each}) ({asked})"
    cause = words.firing(f"{UNREACHABLE}|{INVALID}", t.identity)
    span = f"{duration(t.hold)}:{words.lookback}"  # every minute would cost too much
    since = f"(time() - max_over_time(timestamp({cause})[{span}]))"
    return Alert(
        name="FlatfileDataStale",
        severity="warning",
        reads_data=True,
        expr=f"""
  {age}
  > {t.stale_after}
  > on ({each})
  {t.stale_intervals} * {interval}
unless on ({each})
  {interval} + {2 * t.lookback} > on ({t.identity}) group_left () {since}
""",
        summary="A collector has not succeeded for a while.",
        description=(
            "Collector {{ $labels.collector }} of {{ $labels.job }}"
            "{{ with $labels.shard }} (shard {{ . }}){{ end }} has not had a complete round"
            " for {{ $value | humanizeDuration }}. What it measures is old or missing."
        ),
    )


def _truncated(t: Thresholds) -> Alert:
    each = f"{t.identity}, collector"
    return Alert(
        name="FlatfileCollectorTruncated",
        severity="warning",
        lasting=t.truncated_for,
        reads_data=True,
        expr=f"max by ({each}) (flatfile_collector_truncated) == 1",
        summary="A collector leaves something out because of a cap.",
        description=(
            "Collector {{ $labels.collector }} of {{ $labels.job }} sees more than its cap lets"
            " it expose. The rest is missing from the metrics."
        ),
    )


def _failing(t: Thresholds) -> Alert:
    """From the gauge of the trailing window, which a restart or a replica cannot make jump."""
    words = Words(t)
    failed = 'flatfile_recent_events{topic="job:failed"}'
    now = words.newest(failed)
    usual = f"max by ({words.each}) (avg_over_time({failed}[1d] offset 1h))"
    high = f"{now} > on ({words.each}) ({t.failing_factor:g} * {usual} + {t.failing_least})"
    return Alert(
        name="FlatfileJobsFailing",
        severity="warning",
        lasting=300,
        reads_data=True,
        expr=words.named(high),
        summary="More jobs fail in an environment than usual.",
        description=(
            "{{ $value | humanize }} jobs of environment {{ $labels.environment_name }}"
            " ({{ $labels.environment_id }}) have failed of late, well above what is usual"
            " there."
        ),
    )


def _stopped(t: Thresholds) -> Alert:
    """Compared with the same time yesterday and a week ago: nights and weekends are no news.

    Only a replica, or a shard, that reads the feed can tell that it is silent.
    """
    words = Words(t)
    # The clock of the platform goes on when nobody works.
    recent = 'flatfile_recent_events{topic!~"cron:.+"}'

    def total(when: str, fresh: str = "") -> str:
        by_replica = f"sum by ({words.each}, instance) ({recent}{when})"
        return f"max by ({words.each}) ({by_replica}{fresh})"

    reads = """flatfile_collector_success{collector="events"} == 1"""
    fresh = f" and on ({t.identity}, instance) {reads}"
    silent = f"""
    {total("", fresh)} == 0
  and on ({words.each})
    {total(" offset 1d")} >= {t.busy_events}
  and on ({words.each})
    {total(" offset 1w")} >= {t.busy_events}
"""
    return Alert(
        name="FlatfileEventsStopped",
        severity="info",
        lasting=t.silent_for,
        reads_data=True,
        expr=words.named(silent),
        summary="An environment that is normally busy at this time has gone silent.",
        description=(
            "Environment {{ $labels.environment_name }} ({{ $labels.environment_id }}) has no"
            " events, and had many at this time yesterday and a week ago."
        ),
    )
