"""FlatfileAgentsMassDisappearance, and the flapping of one environment."""

from collections.abc import Iterator, Mapping

from tests.rules.scenario import Firing, Scenario, Silent, Wording, told
from tests.rules.world import Env, Replica, When, always, during, outside, scraped, without

MASS = "FlatfileAgentsMassDisappearance"
FLAPPING = "FlatfileEnvironmentAgentFlapping"
GONE = 11
"""The first round without them."""
BEFORE_SINGLE_LOSSES = 19


def _account(lost: int, of: int, until: int = 10_000) -> dict[str, Env]:
    gone = {f"e{i}": Env(agents=without(GONE, until)) for i in range(lost)}
    return gone | {f"e{i}": Env(agents=lambda _: 1) for i in range(lost, of)}


def _mass(
    name: str,
    minutes: int,
    account: Mapping[str, Env],
    *said: Firing | Silent,
    replica: Replica | tuple[Replica, ...] = (),
    wording: tuple[Wording, ...] = (),
) -> Scenario:
    replicas = replica if isinstance(replica, tuple) else (replica,)
    series = scraped(minutes, account, *(replicas or (Replica(),)))
    return Scenario(name=name, alert=MASS, series=series, said=said, wording=wording)


def firing(start: int, end: int) -> Firing:
    return Firing(start=start, end=end, labels=({},))


def scenarios() -> Iterator[Scenario]:
    yield _mass(
        "four of six at once fire before any single loss does, and stay",
        60,
        _account(4, 6),
        Silent(end=16),
        firing(BEFORE_SINGLE_LOSSES, 60),
        wording=(
            told(
                MASS,
                30,
                "More than half of the environments have lost all their agents at once.",
                "Most environments that flatfile watches have lost all their agents at the same"
                " time. Suspect what the token may see, or the API, before the agents.",
                severity="critical",
                reads=True,
            ),
        ),
    )
    yield _mass("all of three fire", 60, _account(3, 3), firing(BEFORE_SINGLE_LOSSES, 60))
    yield _mass("both of two are silent", 60, _account(2, 2), Silent(end=60))
    yield _mass("four of ten are silent", 60, _account(4, 10), Silent(end=60))
    yield _mass(
        "four of six one after the other are silent",
        100,
        {f"e{i}": Env(agents=without(10 + 20 * i if i < 4 else 9_999)) for i in range(6)},
        Silent(end=100),
    )
    yield _mass(
        "a redeploy of everything in 6 minutes is silent", 60, _account(6, 6, 17), Silent(end=60)
    )
    yield _mass(
        "a later loss of one more does not end it",
        90,
        {**_account(4, 6), "e5": Env(agents=without(50))},
        firing(BEFORE_SINGLE_LOSSES, 90),
    )
    yield _mass(
        "resolves when most are back, although one is not",
        90,
        {**_account(4, 6, 50), "e0": Env(agents=without(GONE))},
        firing(BEFORE_SINGLE_LOSSES, 49),
        Silent(start=50, end=90),
    )
    yield _mass(
        "stays while the exporter is gone for 30 minutes",
        90,
        _account(4, 6),
        firing(BEFORE_SINGLE_LOSSES, 90),
        replica=Replica(up=outside(35, 65)),
    )
    yield _mass(
        "everything decommissioned while firing: ends by itself",
        420,
        _account(4, 6),
        firing(BEFORE_SINGLE_LOSSES, 380),
        Silent(start=400, end=420),
        replica=Replica(up=during(0, 40)),
    )
    yield _mass(
        "environments that are dead for good do not keep it up",
        90,
        {**_account(4, 6, 50), **{f"dead{i}": Env(agents=lambda _: 0) for i in range(9)}},
        firing(BEFORE_SINGLE_LOSSES, 49),
        Silent(start=50, end=90),
        replica=Replica(sights={f"dead{i}": -2_000 for i in range(9)}),
    )
    yield _mass(
        "maintenance of all of them is silent",
        60,
        {f"e{i}": Env(agents=without(GONE), maintained=during(5, 70)) for i in range(6)},
        Silent(end=60),
    )
    yield _mass(
        "API down right after a mass loss: a stale zero is silent",
        60,
        _account(6, 6),
        Silent(end=60),
        replica=Replica(listed=during(0, 14), agents=during(0, 14)),
    )
    yield from _shards()
    yield from _flapping()


def _shards() -> Iterator[Scenario]:
    """Every other environment is the first shard's."""

    def shards(up: When = always, replicas: str = "a") -> tuple[Replica, ...]:
        return tuple(
            Replica(
                instance=f"{index}{replica}:10042",
                shard=(index, 2),
                up=up if index == 1 else always,
            )
            for index in range(2)
            for replica in replicas
        )

    yield _mass(
        "two shards with two replicas each: four of six fire as in one",
        60,
        _account(4, 6),
        Silent(end=16),
        firing(BEFORE_SINGLE_LOSSES, 60),
        replica=shards(replicas="ab"),
    )
    yield _mass(
        "two shards: three of ten are silent while the shard of five others is away",
        60,
        {f"e{i}": Env(agents=without(GONE if i in {0, 2, 4} else 9_999)) for i in range(10)},
        Silent(end=60),
        replica=shards(outside(9, 50)),
    )
    yield _mass(
        "two shards: stays while the shard of what was lost is away",
        90,
        {f"e{i}": Env(agents=without(GONE if i % 2 else 9_999)) for i in range(11)}
        | {f"e{i}": Env(agents=without(GONE)) for i in (0, 2)},
        firing(BEFORE_SINGLE_LOSSES, 90),
        replica=shards(outside(35, 65)),
    )


def _flapping() -> Iterator[Scenario]:
    def one(
        agents: Env, name: str, *said: Firing | Silent, wording: tuple[Wording, ...] = ()
    ) -> Scenario:
        series = scraped(80, {"a": agents}, Replica())
        return Scenario(name=name, alert=FLAPPING, series=series, said=said, wording=wording)

    comes_and_goes = Env(agents=lambda t: (t // 4) % 2 if t < 30 else 1)
    yield one(
        comes_and_goes,
        "away for 4 minutes again and again fires, and ends an hour later",
        Silent(end=20),
        Firing(start=25, end=60, labels=({"environment_id": "a"},)),
        wording=(
            told(
                FLAPPING,
                40,
                "The agents of an environment come and go.",
                "Environment Name of a (a) had fewer agents than a moment before 3 times within"
                " the last hour.",
                severity="warning",
                reads=True,
                environment="a",
            ),
        ),
    )
    yield one(Env(agents=without(10, 16)), "one redeploy is silent", Silent(end=80))
    yield one(
        Env(agents=comes_and_goes.agents, maintained=during(0, 75)),
        "under maintenance is silent",
        Silent(end=80),
    )
