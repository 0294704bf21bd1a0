"""What makes everything else unknown: the exporter, the API, the credential."""

from exporter.rules.promql import SHARDS, Words
from exporter.rules.rule import Alert, Group
from exporter.rules.thresholds import Thresholds
from exporter.settings.durations import duration

UNREACHABLE = "FlatfileAPIUnreachable"
INVALID = "FlatfileTokenInvalid"


def group(t: Thresholds) -> Group:
    return Group(
        name="flatfile-exporter",
        rules=(
            _down(t),
            _missing(t),
            _unreachable(t),
            _invalid(t),
            _expiring(t),
            _throttled(t),
            _reload(t),
        ),
    )


def _down(t: Thresholds) -> Alert:
    """From the targets of the last hours and not from ``absent()``.

    ``absent()`` over a pattern carries no ``job``, and so inhibits nothing by ``equal: [job]``.
    """
    job = t.identity
    up = f'up{{job=~"{t.jobs}"}}'
    return Alert(
        name="FlatfileExporterDown",
        severity="critical",
        lasting=t.down_for,
        expr=f"""
  max by ({job}) (max_over_time({up}[{duration(t.hold)}])) * 0
unless on ({job})
  max by ({job}) ({up}) == 1
""",
        summary="No flatfile-exporter answers.",
        description=(
            "Prometheus has no healthy target of {{ $labels.job }}. Nothing is known about the"
            " environments until it is back; alerts that fire stay as they are."
        ),
    )


def _missing(t: Thresholds) -> Alert:
    """A shard that is away, or processes that do not agree how many there are.

    All away is FlatfileExporterDown; one of several replicas of a shard is nobody's business.
    """
    job = t.identity
    there = f"count by ({job}) (max by ({job}, shard) ({SHARDS}))"
    most = f"max by ({job}) ({SHARDS})"
    fewest = f"min by ({job}) ({SHARDS})"
    return Alert(
        name="FlatfileShardMissing",
        severity="critical",
        lasting=t.down_for,
        expr=f"""
  {most} - on ({job}) {there} > 0
or on ({job})
  {most} - on ({job}) {fewest} > 0
""",
        summary="A part of the environments is not watched.",
        description=(
            "The exporters of {{ $labels.job }} share the account, and not all of its shards are"
            " there, or they do not agree how many there are. Alerts about the environments of"
            " the missing ones stay as they are, and no new ones fire."
        ),
    )


def _unreachable(t: Thresholds) -> Alert:
    """A window and a shorter ``for``: a restart of the exporter neither resolves nor delays it."""
    window = max(1, round(0.6 * t.unreachable_for))
    return Alert(
        name=UNREACHABLE,
        severity="critical",
        lasting=max(1, t.unreachable_for - window),
        expr=f"""
  max by ({t.identity}) (max_over_time(flatfile_up[{duration(window)}])) == 0
unless on ({t.identity})
  {_refused(t)}
""",
        summary="The Flatfile API does not answer.",
        description=(
            "{{ $labels.job }} gets no answer from the Flatfile API. What it exposes is the last"
            " it saw, and goes away when that is too old."
        ),
    )


def _refused(t: Thresholds) -> str:
    """By every replica: as long as one is accepted, the data is there.

    The last verdict counts until there is another; a process that starts has none.
    """
    last = f"last_over_time(flatfile_token_valid[{Words(t).lookback}])"
    return f"max by ({t.identity}) ({last}) == 0"


def _invalid(t: Thresholds) -> Alert:
    return Alert(
        name=INVALID,
        severity="critical",
        lasting=t.refused_for,
        expr=_refused(t),
        summary="Flatfile refuses the credential.",
        description=(
            "Flatfile has refused the credential of {{ $labels.job }}. It was revoked, rotated,"
            " or belongs to another region. Nothing new is seen until another one is accepted."
        ),
    )


def _expiring(t: Thresholds) -> Alert:
    job = t.identity
    return Alert(
        name="FlatfileTokenExpiringSoon",
        severity="warning",
        lasting=300,
        reads_data=True,
        expr=f"""
  max by ({job}) (flatfile_token_expiry_timestamp_seconds) - time() < {t.token_left}
and on ({job})
  max by ({job}) (increase(flatfile_token_refresh_failures_total[1h])) > 0
""",
        summary="The access token expires soon and cannot be refreshed.",
        description=(
            "The access token of {{ $labels.job }} is good for another"
            " {{ $value | humanizeDuration }}, and attempts to obtain the next one fail."
        ),
    )


def _throttled(t: Thresholds) -> Alert:
    job = t.identity
    window = duration(t.throttled_for)
    return Alert(
        name="FlatfileAPIThrottled",
        severity="warning",
        lasting=t.throttled_for,
        reads_data=True,
        expr=f"""
max by ({job}) (rate(flatfile_api_throttled_seconds_total[{window}])) > {t.throttled:g}
""",
        summary="Requests to the Flatfile API wait for their turn all the time.",
        description=(
            "On average {{ $value | humanize }} requests of {{ $labels.job }} wait for the"
            " request budget or because the API said so. Rounds take longer than they should."
        ),
    )


def _reload(t: Thresholds) -> Alert:
    return Alert(
        name="FlatfileExporterConfigReloadFailed",
        severity="warning",
        lasting=t.reload_failed_for,
        expr=(
            f"min by ({t.identity}, instance)"
            " (flatfile_exporter_config_last_reload_successful) == 0"
        ),
        summary="The configuration of flatfile-exporter is wrong and was not taken over.",
        description=(
            "{{ $labels.instance }} ({{ $labels.job }}) runs on with the configuration it had. It"
            " will not start again with the one that is there now."
        ),
    )
