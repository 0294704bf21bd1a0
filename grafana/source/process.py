"""The exporter as a process, and each replica of it."""

from grafana.source import health
from grafana.source.health import BY_REPLICA, NOBODY
from grafana.source.looks import GREEN, Look, good_until, yes_or_no
from grafana.source.panels import Curve, Panel, Query, Text, graph, tile
from grafana.source.promql import (
    milliseconds,
    most,
    newest,
    of,
    rate,
    total,
)
from grafana.source.tables import Column, Rows, listing


def configuration() -> Panel:
    text = Text(
        title="Configuration",
        advice=(
            "Refused: it was read again with mistakes and the old one is in force. Run"
            " `flatfile-exporter --config.check` where the exporter runs."
        ),
        empty=NOBODY,
        alerts=("FlatfileExporterConfigReloadFailed",),
    )
    look = yes_or_no("in force", "refused")
    return health.flag(text, look, "flatfile_exporter_config_last_reload_successful")


def storage() -> Panel:
    text = Text(
        title="Embedded state",
        advice=(
            "Unavailable: the database below storage.path could not be read or written. Counters"
            " and last sights stand still; look at the disk."
        ),
        empty=NOBODY,
        alerts=("FlatfileDataStale",),
    )
    return health.flag(text, yes_or_no("usable", "broken"), "flatfile_exporter_state_available")


def version() -> Panel:
    text = Text(
        title="Version",
        advice="More than one: a rollout is under way, or got stuck.",
        empty=NOBODY,
    )
    expr = newest("flatfile_exporter_build_info", "version")
    return tile(text, Look(), Query(expr, "{{version}}"), words=True)


def shards() -> Panel:
    text = Text(
        title="Missing shards",
        advice=(
            "Processes that share the account, each with its own environments. One that is missing"
            " leaves its environments to nobody."
        ),
        empty=NOBODY,
        alerts=("FlatfileShardMissing",),
    )
    family = of("flatfile_exporter_shards")
    there = f"count by (job) ({most(family, 'job', 'shard')})"
    missing = total(f"{most(family, 'job')} - on (job) {there}")
    look = Look(words={0: ("none", GREEN)}, steps=good_until(1), decimals=0)
    return tile(text, look, Query(missing), coloured=True)


def memory() -> Panel:
    text = Text(
        title="Memory",
        advice="Resident. It grows with the account; a rise without end is a bug: report it.",
        empty=NOBODY,
    )
    query = Query(of("process_resident_memory_bytes"), BY_REPLICA)
    return graph(text, Look(unit="bytes"), query, curve=Curve(legend=("max", "lastNotNull")))


def processor() -> Panel:
    text = Text(
        title="Processor",
        advice="Of one core. Near 100 %: raise intervals, or leave environments out.",
        empty=NOBODY,
    )
    query = Query(rate("process_cpu_seconds_total"), BY_REPLICA)
    return graph(text, Look(unit="percentunit"), query, curve=Curve())


def files() -> Panel:
    text = Text(
        title="Open files, of what is allowed",
        advice="Near 100 %, connections fail: raise the limit of the process (LimitNOFILE).",
        empty=NOBODY,
    )
    expr = f"{of('process_open_fds')} / {of('process_max_fds')}"
    look = Look(unit="percentunit", steps=good_until(0.8, 0.95), highest=1)
    return graph(text, look, Query(expr, BY_REPLICA), curve=Curve(limit=True))


def heartbeat() -> Panel:
    beat = of("flatfile_exporter_loop_heartbeat_timestamp_seconds")
    text = Text(
        title="Age of the loop's heartbeat at a scrape",
        advice=(
            "A second at most. More: something holds up the event loop, and everything waits."
            " Restart it, and report it with a log at the level debug."
        ),
        empty=NOBODY,
    )
    look = Look(unit="s", steps=good_until(2, 10))
    expr = f"clamp_min(timestamp({beat}) - {beat}, 0)"
    return graph(text, look, Query(expr, BY_REPLICA), curve=Curve(limit=True))


def replicas() -> Panel:
    text = Text(
        title="Replicas",
        advice="Each process behind this job. One that started just now, again and again, crashes.",
        empty=NOBODY,
        alerts=("FlatfileExporterDown",),
    )
    since = "dateTimeFromNow"
    reread = "flatfile_exporter_config_last_reload_success_timestamp_seconds"
    info = of("flatfile_exporter_build_info")
    refreshed = of("flatfile_token_last_refresh_timestamp_seconds")
    return listing(
        text,
        Rows(
            key="instance",
            queries={
                "A": most(info, "instance", "job", "version", "revision", "python_version"),
                "B": milliseconds(newest("process_start_time_seconds", "instance")),
                "C": milliseconds(newest(reread, "instance")),
                "D": milliseconds(most(refreshed, "instance")),
                "E": newest("process_resident_memory_bytes", "instance"),
            },
            columns=(
                Column(of="instance", title="Instance"),
                Column(of="job", title="Job"),
                Column(of="version", title="Version", width=110),
                Column(of="revision", title="Revision", width=120),
                Column(of="python_version", title="Python", width=100),
                Column(of="B", title="Started", look=Look(unit=since), width=140),
                Column(of="C", title="Configuration read", look=Look(unit=since), width=160),
                Column(of="D", title="Token refreshed", look=Look(unit=since), width=150,
                       none="never"),
                Column(of="E", title="Memory", look=Look(unit="bytes"), width=100),
            ),
            sort="Instance",
            descending=False,
        ),
    )  # fmt: skip
