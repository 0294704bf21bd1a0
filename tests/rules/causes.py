"""The alerts about the exporter itself, the API and the credential."""

from collections.abc import Iterator

from tests.rules.scenario import Firing, Scenario, Silent, Wording, told

DOWN = "FlatfileExporterDown"
MISSING = "FlatfileShardMissing"
UNREACHABLE = "FlatfileAPIUnreachable"
INVALID = "FlatfileTokenInvalid"
EXPIRING = "FlatfileTokenExpiringSoon"
THROTTLED = "FlatfileAPIThrottled"
RELOAD = "FlatfileExporterConfigReloadFailed"

A = '{job="flatfile",instance="a:10042"}'
B = '{job="flatfile",instance="b:10042"}'


def firing(start: int, end: int) -> Firing:
    return Firing(start=start, end=end, labels=({},))


def scene(
    alert: str,
    name: str,
    series: dict[str, str],
    *said: Firing | Silent,
    wording: tuple[Wording, ...] = (),
) -> Scenario:
    return Scenario(name=name, alert=alert, series=series, said=said, wording=wording)


def scenarios() -> Iterator[Scenario]:
    yield from _down()
    yield from _missing()
    yield from _unreachable()
    yield from _invalid()
    yield from _expiring()
    yield from _throttled()
    yield from _reload()


def _down() -> Iterator[Scenario]:
    words = told(
        DOWN,
        30,
        "No flatfile-exporter answers.",
        "Prometheus has no healthy target of flatfile. Nothing is known about the environments"
        " until it is back; alerts that fire stay as they are.",
        severity="critical",
    )
    yield scene(
        DOWN,
        "a target that does not answer fires, until it does",
        {f"up{A}": "1x9 0x40 1x30"},
        Silent(end=14),
        firing(16, 50),
        Silent(start=51, end=80),
        wording=(words,),
    )
    yield scene(
        DOWN,
        "a target that vanished fires, and carries its job",
        {f"up{A}": "1x9 stale _x30"},
        firing(16, 40),
        wording=(words,),
    )
    yield scene(DOWN, "a target that never answered fires", {f"up{A}": "0x40"}, firing(6, 40))
    yield scene(
        DOWN,
        "decommissioned on purpose ends by itself",
        {f"up{A}": "1x9 stale _x400"},
        Silent(start=375, end=400),
    )
    yield scene(
        DOWN,
        "one of two replicas is enough",
        {f"up{A}": "1x9 0x50", f"up{B}": "1x60"},
        Silent(end=60),
    )
    yield scene(
        DOWN,
        "a rollout of 3 minutes under a new instance is silent",
        {f"up{A}": "1x9 stale _x50", f"up{B}": "_x12 1x50"},
        Silent(end=60),
    )
    yield scene(
        DOWN,
        "targets of other jobs are nobody's business here",
        {'up{job="node",instance="a:9100"}': "1x9 0x50"},
        Silent(end=60),
    )


def _missing() -> Iterator[Scenario]:
    def shard(index: int, instance: str = "") -> str:
        where = instance or f"{index}:10042"
        return f'flatfile_exporter_shards{{job="flatfile",instance="{where}",shard="{index}"}}'

    yield scene(
        MISSING,
        "a shard that is away fires, until it is back",
        {shard(0): "3x80", shard(1): "3x9 stale _x39 3x30", shard(2): "3x80"},
        Silent(end=14),
        firing(16, 49),
        Silent(start=51, end=80),
        wording=(
            told(
                MISSING,
                30,
                "A part of the environments is not watched.",
                "The exporters of flatfile share the account, and not all of its shards are there,"
                " or they do not agree how many there are. Alerts about the environments of the"
                " missing ones stay as they are, and no new ones fire.",
                severity="critical",
            ),
        ),
    )
    yield scene(
        MISSING,
        "one of two replicas of a shard is enough",
        {shard(0): "2x60", shard(1): "2x9 stale _x50", shard(1, "b:10042"): "2x60"},
        Silent(end=60),
    )
    yield scene(
        MISSING,
        "two that each look at everything are whole",
        {shard(0, "a:10042"): "1x60", shard(0, "b:10042"): "1x9 stale _x50"},
        Silent(end=60),
    )
    yield scene(
        MISSING,
        "shards that do not agree how many they are fire",
        {shard(0): "2x60", shard(1): "2x60", shard(0, "c:10042"): "3x60", shard(2): "3x60"},
        Silent(end=4),
        firing(6, 60),
    )
    yield scene(
        MISSING,
        "a rollout of one shard after the other is silent",
        {shard(0): "2x9 stale _ 2x50", shard(1): "2x12 stale _ 2x50"},
        Silent(end=60),
    )
    yield scene(
        MISSING,
        "all of them away is the business of another",
        {shard(0): "2x9 stale _x50", shard(1): "2x9 stale _x50"},
        Silent(end=60),
    )


def _unreachable() -> Iterator[Scenario]:
    yield scene(
        UNREACHABLE,
        "no answer fires, until there is one",
        {f"flatfile_up{A}": "1x9 0x40 1x30"},
        Silent(end=13),
        firing(16, 50),
        Silent(start=51, end=80),
        wording=(
            told(
                UNREACHABLE,
                30,
                "The Flatfile API does not answer.",
                "flatfile gets no answer from the Flatfile API. What it exposes is the last it"
                " saw, and goes away when that is too old.",
                severity="critical",
            ),
        ),
    )
    yield scene(
        UNREACHABLE,
        "a restart of the exporter meanwhile resolves nothing",
        {f"flatfile_up{A}": "1x9 0x20 stale _ 0x30"},
        firing(16, 60),
    )
    yield scene(
        UNREACHABLE,
        "failures with an answer now and then are silent",
        {f"flatfile_up{A}": " ".join(["1 0 0"] * 20)},
        Silent(end=59),
    )
    yield scene(
        UNREACHABLE,
        "one of two replicas is enough",
        {f"flatfile_up{A}": "1x9 0x50", f"flatfile_up{B}": "1x60"},
        Silent(end=60),
    )
    yield scene(
        UNREACHABLE,
        "a credential that is refused is not an API that does not answer",
        {f"flatfile_up{A}": "1x9 0x50", f"flatfile_token_valid{A}": "1x9 0x50"},
        Silent(end=60),
    )


def _invalid() -> Iterator[Scenario]:
    valid = "flatfile_token_valid"
    yield scene(
        INVALID,
        "a refusal fires, until the credential is accepted",
        {f"{valid}{A}": "1x9 0x40 1x30"},
        Silent(end=10),
        firing(12, 50),
        Silent(start=51, end=80),
        wording=(
            told(
                INVALID,
                30,
                "Flatfile refuses the credential.",
                "Flatfile has refused the credential of flatfile. It was revoked, rotated, or"
                " belongs to another region. Nothing new is seen until another one is accepted.",
                severity="critical",
            ),
        ),
    )
    yield scene(
        INVALID,
        "a restart of the exporter meanwhile resolves nothing",
        {f"{valid}{A}": "1x9 0x20 stale _ _ 0x30"},
        firing(12, 60),
    )
    yield scene(
        INVALID,
        "one of two replicas is enough",
        {f"{valid}{A}": "1x9 0x50", f"{valid}{B}": "1x60"},
        Silent(end=60),
    )


def _expiring() -> Iterator[Scenario]:
    expiry, failures = "flatfile_token_expiry_timestamp_seconds", "_refresh_failures_total"
    yield scene(
        EXPIRING,
        "less than 3 hours left and refreshes that fail fire",
        {f"{expiry}{A}": "14400x100", f"flatfile_token{failures}{A}": "0+1x100"},
        Silent(end=60),
        firing(67, 100),
        wording=(
            told(
                EXPIRING,
                90,
                "The access token expires soon and cannot be refreshed.",
                "The access token of flatfile is good for another 2h 30m 0s, and attempts to"
                " obtain the next one fail.",
                severity="warning",
                reads=True,
            ),
        ),
    )
    yield scene(
        EXPIRING,
        "less than 3 hours left without a failure are silent",
        {f"{expiry}{A}": "14400x100", f"flatfile_token{failures}{A}": "7x100"},
        Silent(end=100),
    )
    yield scene(
        EXPIRING,
        "failures with a token that lasts are silent",
        {f"{expiry}{A}": "86400x100", f"flatfile_token{failures}{A}": "0+1x100"},
        Silent(end=100),
    )


def _throttled() -> Iterator[Scenario]:
    waited = f"flatfile_api_throttled_seconds_total{A}"
    yield scene(
        THROTTLED,
        "two requests that always wait fire",
        {waited: "0+120x60"},
        Silent(end=15),
        firing(25, 60),
        wording=(
            told(
                THROTTLED,
                40,
                "Requests to the Flatfile API wait for their turn all the time.",
                "On average 2 requests of flatfile wait for the request budget or because the"
                " API said so. Rounds take longer than they should.",
                severity="warning",
                reads=True,
            ),
        ),
    )
    yield scene(
        THROTTLED, "one that waits half the time is silent", {waited: "0+30x60"}, Silent(end=60)
    )
    yield scene(
        THROTTLED,
        "a start that asks everything at once is silent",
        {waited: "0+400x3 1200x60"},
        Silent(end=60),
    )


def _reload() -> Iterator[Scenario]:
    good = "flatfile_exporter_config_last_reload_successful"
    yield scene(
        RELOAD,
        "a bad configuration fires, until it is good",
        {f"{good}{A}": "1x9 0x40 1x30"},
        Silent(end=14),
        firing(16, 50),
        Silent(start=51, end=80),
        wording=(
            told(
                RELOAD,
                30,
                "The configuration of flatfile-exporter is wrong and was not taken over.",
                "a:10042 (flatfile) runs on with the configuration it had. It will not start"
                " again with the one that is there now.",
                severity="warning",
                instance="a:10042",
            ),
        ),
    )
    yield scene(
        RELOAD,
        "corrected within 3 minutes is silent",
        {f"{good}{A}": "1x9 0x2 1x50"},
        Silent(end=60),
    )
    yield scene(
        RELOAD,
        "each replica counts by itself",
        {f"{good}{A}": "1x60", f"{good}{B}": "1x9 0x50"},
        firing(16, 60),
    )
