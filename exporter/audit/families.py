"""What the audit log says of itself, on each scrape."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.audit.record import ActorKind
from exporter.families import Buckets, Family, beta, counter, gauge, histogram, one


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReading:
    """``oldest_unsent`` is when the first record that waits was appended (Unix seconds)."""

    backlog: int
    oldest_unsent: float | None
    dead_letters: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReading:
    """What stands in the store; all points in time are Unix seconds."""

    records: int
    duplicates: int
    late: int
    gaps: int
    last_gap: float | None
    unresolved: Mapping[str, int]
    newest_event: float | None
    lag: Buckets
    height: int
    last_checkpoint: float | None
    last_success: float | None
    sinks: Mapping[str, SinkReading]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReading:
    """``log`` is None before the store was read, and in a process that only waits to take over."""

    writer: bool
    available: bool
    blocked: bool
    log: LogReading | None


def _log(family: Family[LogReading]) -> Family[AuditReading]:
    """The same family, of a reading that may know nothing of the log."""
    return Family(
        name=family.name,
        help=family.help,
        kind=family.kind,
        labels=family.labels,
        stability=family.stability,
        measure=lambda reading: family.measure(reading.log) if reading.log else (),
    )


_LOG: tuple[Family[LogReading], ...] = (
    counter(
        "flatfile_audit_records_total",
        "Records of the audit log, of all kinds, since it was begun.",
        lambda log: one(log.records),
    ),
    counter(
        "flatfile_audit_duplicates_total",
        "Events that the feed showed again; overlapping readings meet them on purpose.",
        lambda log: one(log.duplicates),
    ),
    counter(
        "flatfile_audit_late_total",
        "Events whose time had been read up to already when they appeared.",
        lambda log: one(log.late),
    ),
    counter(
        "flatfile_audit_gaps_total",
        "Records of kind gap: something is missing there that cannot be had any more.",
        lambda log: one(log.gaps),
    ),
    counter(
        "flatfile_audit_unresolved_actors_total",
        "Records of whose actor nothing but the id was known when they were appended.",
        lambda log: [((kind.value,), log.unresolved.get(kind.value, 0)) for kind in ActorKind],
        ("kind",),
    ),
    gauge(
        "flatfile_audit_newest_event_timestamp_seconds",
        "Time of the newest event in the audit log.",
        lambda log: one(log.newest_event),
    ),
    histogram(
        "flatfile_audit_lag_seconds",
        "From the time of an event to its record.",
        lambda log: [((), log.lag)],
    ),
    gauge(
        "flatfile_audit_sink_backlog_records",
        "Records that wait for a sink.",
        lambda log: [((name,), sink.backlog) for name, sink in log.sinks.items()],
        ("sink",),
    ),
    gauge(
        "flatfile_audit_sink_oldest_unsent_timestamp_seconds",
        "When the first record that waits for a sink was appended; absent when none waits.",
        lambda log: [
            ((name,), sink.oldest_unsent)
            for name, sink in log.sinks.items()
            if sink.oldest_unsent is not None
        ],
        ("sink",),
    ),
    counter(
        "flatfile_audit_sink_dead_letters_total",
        "Records that a sink refused for good, by reason. They are kept and can be sent again.",
        lambda log: [
            ((name, reason), n)
            for name, sink in log.sinks.items()
            for reason, n in sink.dead_letters.items()
        ],
        ("sink", "reason"),
    ),
    gauge(
        "flatfile_audit_chain_height",
        "Sequence of the newest record. It never falls, and not even pruning makes it fall.",
        lambda log: one(log.height),
    ),
    gauge(
        "flatfile_audit_last_checkpoint_timestamp_seconds",
        "When the newest checkpoint was signed.",
        lambda log: one(log.last_checkpoint),
    ),
    beta(
        gauge(
            "flatfile_audit_last_gap_timestamp_seconds",
            "When the newest record of kind gap was appended; absent while there is none.",
            lambda log: one(log.last_gap),
        )
    ),
    beta(
        gauge(
            "flatfile_audit_feed_last_success_timestamp_seconds",
            "When the event feed was last read whole for the audit log. Kept over restarts.",
            lambda log: one(log.last_success),
        )
    ),
)

FAMILIES: tuple[Family[AuditReading], ...] = (
    *(_log(family) for family in _LOG),
    beta(
        gauge(
            "flatfile_audit_writer",
            "1 if this process feeds the audit log, 0 while it waits for another one to let go of it.",
            lambda reading: one(reading.writer),
        )
    ),
    beta(
        gauge(
            "flatfile_audit_store_available",
            "1 if the audit log's store could be used when it was last needed, else 0.",
            lambda reading: one(reading.available),
        )
    ),
    beta(
        gauge(
            "flatfile_audit_feed_blocked",
            "1 while the backlog of a sink is at its limit and the feed is not read, else 0.",
            lambda reading: one(reading.blocked),
        )
    ),
)
