"""A history of the audit log's families, written from the metric contract.

One process of a job writes the log; what the sinks, the chain and the lag do is made up here,
with a sink that takes nothing for a while, a gap, late and repeated events, and dead letters.
"""

from collections.abc import Iterator

_BOUNDS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0)
_RATE = 0.9  # records a second


def lines(at: float, share: float, passed: float) -> Iterator[tuple[str, float]]:
    """Each series with its value, at a time (Unix seconds) and share of the whole.

    ``passed`` are the seconds since the beginning. The labels of the target go where ``%s`` is.
    """
    records = round(_RATE * passed)
    yield "flatfile_audit_records_total{%s}", records
    yield "flatfile_audit_duplicates_total{%s}", records // 40
    yield "flatfile_audit_late_total{%s}", records // 90
    yield "flatfile_audit_gaps_total{%s}", float(share > 0.36)
    for kind, every in (("user", 900), ("guest", 250), ("agent", 4000), ("api_key", 60),
                        ("unknown", 700)):  # fmt: skip
        yield f'flatfile_audit_unresolved_actors_total{{kind="{kind}",%s}}', records // every
    yield "flatfile_audit_newest_event_timestamp_seconds{%s}", at - 12
    yield from _lag(records, share)
    yield from _sinks(at, share, passed, records)
    down = 0.31 < share <= 0.36  # the outage of the API
    read = at - 20 if not down else at - (share - 0.31) * passed / share
    yield "flatfile_audit_feed_last_success_timestamp_seconds{%s}", read
    for state, value in (("writer", 1), ("store_available", 1), ("feed_blocked", 0)):
        yield f"flatfile_audit_{state}{{%s}}", value
    yield "flatfile_audit_chain_height{%s}", 48_000 + records
    yield "flatfile_audit_last_checkpoint_timestamp_seconds{%s}", at - at % 300


def _lag(records: int, share: float) -> Iterator[tuple[str, float]]:
    family = "flatfile_audit_lag_seconds"
    slow = round(records / share * max(0.0, min(share, 0.36) - 0.31))  # in the outage of the API
    usual = (0.0, 0.05, 0.25, 0.9, 0.985, 0.995, 0.999, *[1.0] * 5)
    then = (0.0, 0.0, 0.0, 0.05, 0.1, 0.2, 0.5, 1.0, *[1.0] * 4)
    for bound, part, other in zip(_BOUNDS, usual, then, strict=True):
        count = round((records - slow) * part + slow * other)
        yield f'{family}_bucket{{le="{bound}",%s}}', count
    yield f'{family}_bucket{{le="+Inf",%s}}', records
    yield f"{family}_count{{%s}}", records
    yield f"{family}_sum{{%s}}", records * 18.0


def _sinks(at: float, share: float, passed: float, records: int) -> Iterator[tuple[str, float]]:
    whole = passed / share
    down = max(0.0, min(share, 0.7) - 0.6)
    caught_up = max(0.0, share - 0.7) * 4
    waiting = {"file": 0.0, "postgresql": max(0.0, down - caught_up) * whole * _RATE, "loki": 3.0}
    for sink, count in waiting.items():
        yield f'flatfile_audit_sink_backlog_records{{sink="{sink}",%s}}', round(count)
        if round(count):
            oldest = at - count / _RATE
            yield f'flatfile_audit_sink_oldest_unsent_timestamp_seconds{{sink="{sink}",%s}}', oldest
    for sink, reason, every in (("loki", "too_far_behind", 1500), ("otlp", "rejected", 9000)):
        labels = f'sink="{sink}",reason="{reason}"'
        yield f"flatfile_audit_sink_dead_letters_total{{{labels},%s}}", records // every
