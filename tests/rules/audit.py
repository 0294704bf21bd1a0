"""The alerts about the audit log."""

from collections.abc import Iterator

from tests.rules.scenario import Firing, Scenario, Silent, told

STUCK = "FlatfileAuditSinkStuck"
GAP = "FlatfileAuditGap"
LAGGING = "FlatfileAuditLagging"


def _of(metric: str, instance: str = "a:10042", **labels: str) -> str:
    whole = {"job": "flatfile", "instance": instance, **labels}
    matchers = ",".join(f'{name}="{value}"' for name, value in whole.items())
    return f"flatfile_audit_{metric}{{{matchers}}}"


def scenarios() -> Iterator[Scenario]:
    yield from _stuck()
    yield from _gap()
    yield from _lagging()


def _stuck() -> Iterator[Scenario]:
    oldest = "sink_oldest_unsent_timestamp_seconds"
    backlog = "sink_backlog_records"
    yield Scenario(
        name="a sink that takes nothing fires, one that works off its backlog does not",
        alert=STUCK,
        series={
            # Nothing waits, then the same record waits on and on, then nothing waits.
            _of(oldest, sink="loki"): "_x10 600x39 stale _x20",
            _of(backlog, sink="loki"): "0x9 5+5x39 0x20",
            # Always something waits, never for long.
            _of(oldest, sink="file"): "0+60x70",
            _of(backlog, sink="file"): "100x70",
        },
        said=(
            Silent(end=30),
            Firing(start=31, end=49, labels=({"sink": "loki"},)),
            Silent(start=50, end=70),
        ),
        wording=(
            told(
                STUCK,
                40,
                "A sink of the audit log takes no records.",
                "Sink loki of flatfile has records waiting that are 30m 0s old. They are kept, and"
                " the feed stops once the backlog is at its limit.",
                severity="warning",
                sink="loki",
            ),
        ),
    )
    yield Scenario(
        name="a large backlog that is being worked off is silent",
        alert=STUCK,
        series={_of(oldest, sink="file"): "0+60x60", _of(backlog, sink="file"): "90000-100x60"},
        said=(Silent(end=60),),
    )
    yield Scenario(
        name="a restart of the exporter starts nothing over",
        alert=STUCK,
        series={
            _of(oldest, sink="loki"): "0x39 stale _x2 0x20",
            _of(backlog, sink="loki"): "5x39 stale _x2 5x20",
        },
        said=(
            Silent(end=20),
            Firing(start=21, end=60, labels=({"sink": "loki"},)),
        ),
    )


def _gap() -> Iterator[Scenario]:
    last, long_ago = "last_gap_timestamp_seconds", -90_000
    yield Scenario(
        name="a new gap is told once and for a while, an old one is not",
        alert=GAP,
        series={_of(last): f"{long_ago}x9 600x100"},
        said=(Silent(end=9), Firing(start=10, end=100, labels=({},))),
        wording=(
            told(
                GAP,
                20,
                "Something is missing in the audit log that cannot be had any more.",
                "The audit log of flatfile has a new record of kind gap: Flatfile no longer shows"
                " what belongs there.",
                severity="critical",
            ),
        ),
    )
    yield Scenario(
        name="an exporter that was away for days says at once what it has missed, for a day",
        alert=GAP,
        series={  # recorded before the first scrape, in minute 1566
            _of(last): f"{long_ago}x4 stale _x1560 93960x1500",
            _of("gaps_total"): "3x4 stale _x1560 4x1500",
        },
        said=(
            Silent(end=1_565),
            Firing(start=1_566, end=3_005, labels=({},)),
            Silent(start=3_006, end=3_060),
        ),
    )
    yield Scenario(
        name="a restart of the exporter neither ends nor repeats it",
        alert=GAP,
        series={_of(last): "600x39 stale _x3 600x20"},
        said=(Firing(start=10, end=60, labels=({},)),),
    )
    yield Scenario(
        name="a log that is begun anew, and a second exporter on the same log, are no gap",
        alert=GAP,
        series={
            _of(last): f"{long_ago}x9 stale _x50",
            _of(last, "b:10042"): f"_x20 {long_ago}x40",
            _of("gaps_total"): "3x9 0x50",
            _of("gaps_total", "b:10042"): "_x20 3x40",
        },
        said=(Silent(end=60),),
    )
    yield Scenario(
        name="the clock of the exporter is more than a day behind, and a new gap is told",
        alert=GAP,
        series={_of(last): f"{long_ago}x100", _of("gaps_total"): "3x9 4x100"},
        said=(Silent(end=9), Firing(start=10, end=100, labels=({},))),
    )


def _lagging() -> Iterator[Scenario]:
    success, writer = "feed_last_success_timestamp_seconds", "writer"
    yield Scenario(
        name="a feed that is not read whole for ten minutes fires, until it is",
        alert=LAGGING,
        series={_of(success): "0+60x10 600x39 3000+60x10", _of(writer): "1x60"},
        said=(
            Silent(end=25),
            Firing(start=26, end=50, labels=({},)),
            Silent(start=51, end=60),
        ),
        wording=(
            told(
                LAGGING,
                30,
                "The audit log is not being written.",
                "flatfile has not read the event feed whole for its audit log for too long (20m 0s;"
                " 0s: never since it is watched). If it lasts, Flatfile may forget what is missing.",
                severity="critical",
                reads=True,
            ),
        ),
    )
    yield Scenario(
        name="a restart of an exporter that lags starts nothing over",
        alert=LAGGING,
        series={_of(success): "0x39 stale _x2 0x20", _of(writer): "1x39 stale _x2 1x20"},
        said=(Silent(end=15), Firing(start=16, end=60, labels=({},))),
    )
    yield Scenario(
        name="a quiet account is no lag, and one that waits to take over is none either",
        alert=LAGGING,
        series={
            _of(success): "0+60x60",
            _of(writer): "1x60",
            _of(writer, "b:10042"): "0x60",
            _of("newest_event_timestamp_seconds"): "0x60",
        },
        said=(Silent(end=60),),
    )
    yield Scenario(
        name="all wait and none writes",
        alert=LAGGING,
        series={_of(writer): "0x60"},
        said=(Silent(end=4), Firing(start=5, end=60, labels=({},))),
    )
    yield Scenario(
        name="a take-over within five minutes is silent",
        alert=LAGGING,
        series={
            _of(success): "0+60x19 stale _x41",
            _of(writer): "1x19 stale _x41",
            _of(success, "b:10042"): "_x23 1380+60x37",
            _of(writer, "b:10042"): "0x22 1x38",
        },
        said=(Silent(end=60),),
    )
    yield Scenario(
        name="without an audit log there is nothing to say",
        alert=LAGGING,
        series={'flatfile_up{job="flatfile",instance="a:10042"}': "1x60"},
        said=(Silent(end=60),),
    )
