"""The alerts about collectors and about what the events say."""

from collections.abc import Iterator

from tests.rules.scenario import Firing, Scenario, Silent, Wording, told

STALE = "FlatfileDataStale"
TRUNCATED = "FlatfileCollectorTruncated"
FAILING = "FlatfileJobsFailing"
STOPPED = "FlatfileEventsStopped"

NAME = (
    'flatfile_environment_info{job="flatfile",instance="a:10042",environment_id="a",'
    'environment_name="Name of a",production="true"}'
)
A: dict[str, str] = {"environment_id": "a"}


def _of(metric: str, collector: str, instance: str = "a:10042") -> str:
    return f'{metric}{{job="flatfile",instance="{instance}",collector="{collector}"}}'


def scene(
    alert: str,
    name: str,
    series: dict[str, str],
    *said: Firing | Silent,
    wording: tuple[Wording, ...] = (),
    step: int = 1,
) -> Scenario:
    return Scenario(name=name, alert=alert, series=series, said=said, wording=wording, step=step)


def scenarios() -> Iterator[Scenario]:
    yield from _stale()
    yield from _truncated()
    yield from _failing()


def _stale() -> Iterator[Scenario]:
    success = "flatfile_collector_last_success_timestamp_seconds"
    interval = "flatfile_collector_interval_seconds"
    started = 'process_start_time_seconds{job="flatfile",instance="a:10042"}'

    def firing(start: int, end: int, collector: str = "agents") -> Firing:
        return Firing(start=start, end=end, labels=({"collector": collector},))

    yield scene(
        STALE,
        "no success for 10 minutes fires, until there is one",
        {
            _of(success, "agents"): "0+60x10 600x40 3060+60x9",
            _of(interval, "agents"): "60x60",
            _of(
                success, "spaces"
            ): "0x4 300x4 600x4 900x4 1200x4 1500x4 1800x4 2100x4 2400x4 2700x4 3000x4 3300x9",
            _of(interval, "spaces"): "300x60",
        },
        Silent(end=20),
        firing(21, 51),
        Silent(start=52, end=59),
        wording=(
            told(
                STALE,
                30,
                "A collector has not succeeded for a while.",
                "Collector agents of flatfile has not had a complete round for 20m 0s. What it"
                " measures is old or missing.",
                severity="warning",
                reads=True,
                collector="agents",
            ),
        ),
    )
    yield scene(
        STALE,
        "guests are asked hourly, and are stale after three hours",
        {_of(success, "guests"): "0x59 3600x59 7200x200", _of(interval, "guests"): "3600x320"},
        Silent(end=300),
        firing(301, 320, "guests"),
    )
    yield scene(
        STALE,
        "a collector that never succeeded is as old as its process",
        {_of(interval, "agents"): "60x60", started: "60x60"},
        Silent(end=11),
        firing(12, 60),
    )
    yield scene(
        STALE,
        "a collector that is switched off is silent, and resolves",
        {
            _of(success, "agents"): "0+60x10 600x20 stale _x30",
            _of(interval, "agents"): "60x30 stale _x30",
            started: "0x60",
        },
        firing(21, 30),
        Silent(start=31, end=60),
    )
    yield scene(
        STALE,
        "one of two replicas is enough",
        {
            _of(success, "agents"): "0+60x10 600x50",
            _of(success, "agents", "b:10042"): "0+60x60",
            _of(interval, "agents"): "60x60",
            _of(interval, "agents", "b:10042"): "60x60",
        },
        Silent(end=60),
    )
    shards = {
        f'flatfile_exporter_shards{{job="flatfile",instance="{at}:10042",shard="{index}"}}': "2x60"
        for at, index in (("a", 0), ("b", 1), ("c", 1))
    }
    of_shards = {
        **shards,
        **{_of(interval, "agents", f"{at}:10042"): "60x60" for at in "abc"},
        _of(success, "agents"): "0+60x60",
        _of(success, "agents", "c:10042"): "0+60x10 600x50",
    }
    yield scene(
        STALE,
        "a shard that sees nothing is not made up for by another one",
        {**of_shards, _of(success, "agents", "b:10042"): "0+60x10 600x50"},
        Silent(end=20),
        firing(21, 60),
        wording=(
            told(
                STALE,
                30,
                "A collector has not succeeded for a while.",
                "Collector agents of flatfile (shard 1) has not had a complete round for 20m 0s."
                " What it measures is old or missing.",
                severity="warning",
                reads=True,
                collector="agents",
                shard="1",
            ),
        ),
    )
    yield scene(
        STALE,
        "one of two replicas of a shard is enough",
        {**of_shards, _of(success, "agents", "b:10042"): "0+60x60"},
        Silent(end=60),
    )
    yield scene(
        STALE,
        "after an outage of the API each collector gets the time of one interval",
        {
            'flatfile_up{job="flatfile",instance="a:10042"}': "1x9 0x60 1x120",
            _of(success, "guests"): "0x104 6300x85",  # stale from minute 91 on
            _of(interval, "guests"): "1800x190",
            _of(success, "spaces"): "0+60x10 600x180",  # never well again
            _of(interval, "spaces"): "300x190",
        },
        Silent(start=15, end=84),
        firing(85, 190, "spaces"),
    )


def _truncated() -> Iterator[Scenario]:
    truncated = _of("flatfile_collector_truncated", "spaces")
    yield scene(
        TRUNCATED,
        "a cap that cuts something off fires",
        {truncated: "0x9 1x50"},
        Silent(end=24),
        Firing(start=26, end=60, labels=({"collector": "spaces"},)),
        wording=(
            told(
                TRUNCATED,
                40,
                "A collector leaves something out because of a cap.",
                "Collector spaces of flatfile sees more than its cap lets it expose. The rest is"
                " missing from the metrics.",
                severity="warning",
                reads=True,
                collector="spaces",
            ),
        ),
    )
    yield scene(
        TRUNCATED, "ten minutes of it are silent", {truncated: "0x9 1x9 0x40"}, Silent(end=60)
    )


def _failing() -> Iterator[Scenario]:
    labels = 'environment_id="a",topic="job:failed"'
    failed = f'flatfile_recent_events{{job="flatfile",instance="a:10042",{labels}}}'
    yield scene(
        FAILING,
        "well above what is usual fires",
        {failed: "4x200 30x60", NAME: "1x260"},
        Silent(end=205),
        Firing(start=207, end=240, labels=(A,)),
        wording=(
            told(
                FAILING,
                220,
                "More jobs fail in an environment than usual.",
                "30 jobs of environment Name of a (a) have failed of late, well above what is"
                " usual there.",
                severity="warning",
                reads=True,
                environment="a",
            ),
        ),
    )
    yield scene(
        FAILING,
        "as many as that are usual elsewhere",
        {failed: "20x200 50x60", NAME: "1x260"},
        Silent(end=260),
    )
    yield scene(
        FAILING,
        "the first failure ever is silent",
        {failed: "0x200 1x60", NAME: "1x260"},
        Silent(end=260),
    )
    yield scene(
        FAILING,
        "a new environment, of which nothing is usual yet",
        {failed: "_x200 30x50", NAME: "_x200 1x50"},
        Silent(end=250),
    )


_DAY = 48  # steps of half an hour


def weekly() -> Iterator[Scenario]:
    """Of FlatfileEventsStopped, which looks a week back: in steps of half an hour."""
    events = (
        'flatfile_recent_events{{job="flatfile",instance="a:10042",environment_id="a",topic="{}"}}'
    )
    success = _of("flatfile_collector_success", "events")
    end = 9 * _DAY * 30
    silence = 8 * _DAY
    busy = f"40x{silence - 1} 0x{_DAY}"
    whole = f"1x{9 * _DAY}"
    base = {NAME: whole, success: whole}
    start = (silence + 1) * 30
    yield scene(
        STOPPED,
        "busy yesterday and a week ago, silent now: fires",
        {
            **base,
            events.format("records:updated"): busy,
            events.format("cron:hourly"): f"30x{9 * _DAY}",
        },
        Silent(end=start - 30),
        Firing(start=start, end=end - 60, labels=(A,)),
        step=30,
        wording=(
            told(
                STOPPED,
                start + 60,
                "An environment that is normally busy at this time has gone silent.",
                "Environment Name of a (a) has no events, and had many at this time yesterday and"
                " a week ago.",
                severity="info",
                reads=True,
                environment="a",
            ),
        ),
    )
    yield scene(
        STOPPED,
        "two shards with two replicas each: the one that is silent fires once",
        {
            **{series.replace("a:10042", f"{at}:10042"): whole for series in base for at in "abcd"},
            **{
                events.format("records:updated").replace("a:10042", f"{at}:10042"): busy
                for at in "ab"
            },
            **{
                events.format("records:updated")
                .replace("a:10042", f"{at}:10042")
                .replace('environment_id="a"', 'environment_id="b"'): whole.replace("1x", "40x")
                for at in "cd"
            },
        },
        Silent(end=start - 30),
        Firing(start=start, end=end - 60, labels=(A,)),
        step=30,
    )
    yield scene(
        STOPPED,
        "two shards: one that does not read is not silent because the other one reads",
        {
            NAME: whole,
            events.format("records:updated"): busy,
            success: f"1x{silence - 2} 0x{_DAY + 1}",
            success.replace("a:10042", "b:10042"): whole,
        },
        Silent(end=end),
        step=30,
    )
    yield scene(
        STOPPED,
        "a weekend is silent: a week ago nobody worked either",
        {**base, events.format("records:updated"): f"0x{2 * _DAY - 1} 40x{6 * _DAY - 1} 0x{_DAY}"},
        Silent(end=end),
        step=30,
    )
    yield scene(
        STOPPED,
        "the day after a holiday is silent",
        {**base, events.format("records:updated"): f"40x{7 * _DAY - 1} 0x{2 * _DAY}"},
        Silent(start=8 * _DAY * 30, end=end),
        step=30,
    )
    yield scene(
        STOPPED,
        "an environment that is never busy is silent",
        {**base, events.format("records:updated"): f"5x{silence - 1} 0x{_DAY}"},
        Silent(end=end),
        step=30,
    )
    yield scene(
        STOPPED,
        "events that are not read are not events that stopped",
        {
            NAME: whole,
            events.format("records:updated"): busy,
            success: f"1x{silence - 2} 0x{_DAY + 1}",
        },
        Silent(end=end),
        step=30,
    )
