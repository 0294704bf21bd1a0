"""The families of the process itself: its collectors, its use of the API, its token."""

from collections.abc import Callable, Iterable
from typing import Any

from exporter.board import Record
from exporter.families import Family, Labels, Sample, beta, counter, gauge, histogram, info, one
from exporter.health.vitals import Vitals


def _each(value: Callable[[Record], float | None]) -> Callable[[Vitals], Iterable[Sample]]:
    """One value for each collector that is switched on; none where it is not known yet."""
    return lambda now: [
        ((name,), found)
        for name, record in now.records.items()
        if (found := value(record)) is not None
    ]


_COLLECTOR: Labels = ("collector",)

_COLLECTORS: tuple[Family[Vitals], ...] = (
    gauge(
        "flatfile_collector_success",
        "1 if the newest round of the collector succeeded, else 0.",
        _each(lambda record: record.succeeded),
        _COLLECTOR,
    ),
    counter(
        "flatfile_collector_rounds_total",
        "Rounds that the collector has ended, well or not.",
        _each(lambda record: record.rounds),
        _COLLECTOR,
    ),
    beta(
        counter(
            "flatfile_collector_hints_total",
            "Environments asked again between the rounds, because of an event.",
            _each(lambda record: record.hints),
            _COLLECTOR,
        )
    ),
    counter(
        "flatfile_collector_failures_total",
        "Rounds of the collector that failed, by reason.",
        lambda now: [
            ((name, reason), count)
            for name, record in now.records.items()
            for reason, count in record.failures.items()
        ],
        ("collector", "reason"),
    ),
    gauge(
        "flatfile_collector_duration_seconds",
        "How long the newest round took.",
        _each(lambda record: record.duration),
        _COLLECTOR,
    ),
    beta(
        gauge(
            "flatfile_collector_lateness_seconds",
            "How long after its due time the newest round began.",
            _each(lambda record: record.lateness),
            _COLLECTOR,
        )
    ),
    gauge(
        "flatfile_collector_last_success_timestamp_seconds",
        "When a round last succeeded.",
        _each(lambda record: record.last_success),
        _COLLECTOR,
    ),
    gauge(
        "flatfile_collector_last_attempt_timestamp_seconds",
        "When the newest round began.",
        _each(lambda record: record.last_attempt),
        _COLLECTOR,
    ),
    gauge(
        "flatfile_collector_interval_seconds",
        "Time from the start of a round to the start of the next.",
        _each(lambda record: record.interval),
        _COLLECTOR,
    ),
    gauge(
        "flatfile_collector_series",
        "Series that the collector's last good round measured.",
        lambda now: [((name,), count) for name, count in now.series.items()],
        _COLLECTOR,
    ),
    gauge(
        "flatfile_collector_truncated",
        "1 if a cap cut off something in the collector's last good round, else 0.",
        _each(lambda record: record.truncated),
        _COLLECTOR,
    ),
)

_API: tuple[Family[Vitals], ...] = (
    gauge(
        "flatfile_up",
        "1 if the newest attempt to talk to the API was authenticated and answered, else 0.",
        lambda now: one(now.usage.up),
    ),
    counter(
        "flatfile_api_requests_total",
        "Requests sent, by route, method and status; the code is error when no answer came.",
        lambda now: now.usage.requests.items(),
        ("route", "method", "code"),
    ),
    histogram(
        "flatfile_api_request_duration_seconds",
        "Time from sending a request to having its whole answer.",
        lambda now: [((route,), taken) for route, taken in now.usage.durations.items()],
        ("route",),
    ),
    counter(
        "flatfile_api_retries_total",
        "Requests that were sent again, by reason.",
        lambda now: [((reason,), count) for reason, count in now.usage.retries.items()],
        ("reason",),
    ),
    counter(
        "flatfile_api_throttled_seconds_total",
        "Time that requests have waited for the budget or for Retry-After.",
        lambda now: one(now.usage.throttled_seconds),
    ),
    gauge(
        "flatfile_api_budget_requests_per_second",
        "The rate that the limiter allows right now; 0 while Retry-After holds it back.",
        lambda now: one(now.budget),
    ),
)

_TOKEN: tuple[Family[Vitals], ...] = (
    gauge(
        "flatfile_token_expiry_timestamp_seconds",
        "When the access token expires; absent for one that does not.",
        lambda now: one(now.token.expires_at),
    ),
    gauge(
        "flatfile_token_last_refresh_timestamp_seconds",
        "When an access token was last obtained.",
        lambda now: one(now.token.last_refresh),
    ),
    counter(
        "flatfile_token_refreshes_total",
        "Access tokens obtained.",
        lambda now: one(now.token.refreshes),
    ),
    counter(
        "flatfile_token_refresh_failures_total",
        "Attempts to obtain an access token that failed.",
        lambda now: one(now.token.failures),
    ),
    gauge(
        "flatfile_token_valid",
        "0 once the credential was refused, until it is accepted again; else 1.",
        lambda now: one(now.token.valid),
    ),
)

_PROCESS: tuple[Family[Vitals], ...] = (
    info(
        "flatfile_exporter_build_info",
        "Version of the exporter, and of the Python it runs on.",
        ("version", "revision", "python_version"),
        lambda now: [(now.build.version, now.build.revision, now.build.python_version)],
    ),
    gauge(
        "flatfile_exporter_config_last_reload_successful",
        "1 if the newest reading of the configuration was good, else 0.",
        lambda now: one(now.reload.successful),
    ),
    gauge(
        "flatfile_exporter_config_last_reload_success_timestamp_seconds",
        "When the configuration was last read and good.",
        lambda now: one(now.reload.at),
    ),
    gauge(
        "flatfile_exporter_loop_heartbeat_timestamp_seconds",
        "When the event loop last turned.",
        lambda now: one(now.heartbeat),
    ),
    beta(
        gauge(
            "flatfile_exporter_state_available",
            "1 if the embedded state could be used when it was last needed, else 0.",
            lambda now: one(now.state_available),
        )
    ),
    beta(
        gauge(
            "flatfile_exporter_shards",
            "Shards that share the account; the label says which of them this is, from 0 on.",
            lambda now: [((str(now.shard.index),), now.shard.count)],
            ("shard",),
        )
    ),
)

FAMILIES: tuple[Family[Any], ...] = (*_COLLECTORS, *_API, *_TOKEN, *_PROCESS)
