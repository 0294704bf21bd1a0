"""FlatfileEnvironmentAgentLost: every scenario of the issue, and those that its traps suggest.

Unless a scenario says otherwise, the agent of environment ``a`` goes right after the round of
minute 10: the round of minute 11 is the first without it.
"""

from collections.abc import Iterator, Mapping

from tests.rules.scenario import Firing, Scenario, Silent, Wording, told
from tests.rules.world import (
    Env,
    Replica,
    When,
    always,
    during,
    outside,
    scraped,
    without,
)

ALERT = "FlatfileEnvironmentAgentLost"
GONE = 10
FIRST = GONE + 10
LAST = GONE + 17
"""It fires no earlier than FIRST and no later than LAST."""
A: Mapping[str, str] = {"environment_id": "a"}
STEADY = Env(agents=lambda _: 2)
LOST = {"a": Env(agents=without(GONE + 1)), "b": STEADY}


def firing(start: int, end: int) -> Firing:
    return Firing(start=start, end=end, labels=(A,))


def scene(
    name: str,
    minutes: int,
    account: Mapping[str, Env],
    replicas: tuple[Replica, ...],
    *said: Firing | Silent,
    wording: tuple[Wording, ...] = (),
) -> Scenario:
    series = scraped(minutes, account, *replicas)
    return Scenario(name=name, alert=ALERT, series=series, said=said, wording=wording)


def scenarios() -> Iterator[Scenario]:
    yield from _losses()
    yield from _silences()
    yield from _restarts()
    yield from _holds()
    yield from _replicas()
    yield from _shards()


def _losses() -> Iterator[Scenario]:
    yield scene("steady is silent", 60, {"a": STEADY, "b": STEADY}, (Replica(),), Silent(end=60))
    yield scene(
        "lost fires in the window and stays",
        90,
        LOST,
        (Replica(),),
        Silent(end=FIRST - 1),
        firing(LAST, 90),
        wording=(
            told(
                ALERT,
                LAST,
                "An environment has lost its agent.",
                "Environment Name of a (a) has no deployed agent any more; it was last seen with"
                " one at 1970-01-01 00:10:00 +0000 UTC. Nothing handles its events.",
                severity="critical",
                reads=True,
                environment="a",
            ),
        ),
    )
    yield scene(
        "lost right before a round fires no earlier",
        60,
        {"a": Env(agents=without(GONE)), "b": STEADY},
        (Replica(),),
        Silent(end=FIRST - 1),
        firing(LAST, 60),
    )
    yield scene(
        "the agent is back and lost again: resolved, and fires again in the window",
        90,
        {"a": Env(agents=lambda t: 0 if 10 < t < 41 or t > 50 else 1)},
        (Replica(),),
        firing(LAST, 40),
        Silent(start=41, end=59),
        firing(67, 90),
    )
    for minutes in (-20, 20):
        yield scene(
            f"the exporter's clock is {abs(minutes)} minutes {'fast' if minutes > 0 else 'slow'}",
            90,
            {"a": Env(agents=without(41)), "b": STEADY},  # late: its time is never negative
            (Replica(clock=minutes),),
            Silent(end=49),
            firing(57, 90),
        )
    for every in (5, 15, 30):
        yield scene(
            f"agents listed only every {every} minutes: a loss still fires, and stays",
            40 + 4 * every,
            {"a": Env(agents=without(every + 1)), "b": STEADY},
            (Replica(every=every),),
            Silent(end=every + 9),
            firing(10 + 3 * every, 40 + 4 * every),
        )


def _silences() -> Iterator[Scenario]:
    yield scene(
        "API down with last good values never fires",
        60,
        {"a": STEADY},
        (Replica(agents=during(0, 10), listed=during(0, 10)),),
        Silent(end=60),
    )
    for dies in (2, 5, 8):
        yield scene(
            f"API down {dies} minutes after the loss: a stale zero never fires",
            60,
            LOST,
            (Replica(agents=during(0, GONE + dies), listed=during(0, GONE + dies)),),
            Silent(end=60),
        )
    yield scene(
        "environment deleted right after its agents is silent",
        60,
        {"a": Env(agents=without(GONE + 1), exists=during(0, GONE + 4)), "b": STEADY},
        (Replica(),),
        Silent(end=60),
    )
    yield scene(
        "an environment that never had an agent is silent",
        60,
        {"a": Env(agents=lambda _: 0), "b": STEADY},
        (Replica(),),
        Silent(end=60),
    )
    yield scene(
        "a redeploy of 6 minutes is silent",
        60,
        {"a": Env(agents=without(GONE + 1, GONE + 7))},
        (Replica(),),
        Silent(end=60),
    )
    yield scene(
        "a redeploy of 6 minutes, agents listed every 15 minutes",
        90,
        {"a": Env(agents=without(28, 34))},
        (Replica(every=15),),
        Silent(end=90),
    )
    yield scene(
        "a redeploy of 6 minutes at the end of a long outage of the exporter",
        90,
        {"a": Env(agents=without(38, 45))},
        (Replica(up=outside(5, 40)),),
        Silent(end=90),
    )
    yield scene(
        "declared maintenance is silent",
        60,
        {"a": Env(agents=without(GONE + 1, 40), maintained=during(5, 50))},
        (Replica(),),
        Silent(end=60),
    )
    yield scene(
        "maintenance ends a moment before the agent is seen again",
        60,
        {"a": Env(agents=without(GONE + 1, 43), maintained=during(5, 40))},
        (Replica(),),
        Silent(end=60),
    )
    yield scene(
        "a maintenance that ends without an agent fires",
        60,
        {"a": Env(agents=without(GONE + 1), maintained=during(5, 40))},
        (Replica(),),
        Silent(end=39),
        firing(46, 60),
    )


def _restarts() -> Iterator[Scenario]:
    yield scene(
        "restart with a new instance is silent",
        60,
        {"a": STEADY, "b": STEADY},
        (Replica(up=during(0, 20)), Replica(instance="a2:10042", up=during(22, 61))),
        Silent(end=60),
    )
    for keeps, disk in ((True, "its"), (False, "an empty")):
        old = Replica(up=during(0, 15), keeps_state=keeps)
        new = Replica(instance="a2:10042", up=during(17, 61), keeps_state=keeps)
        if keeps:
            new.sights = old.sights  # one disk, read by one after the other
        yield scene(
            f"restart in the middle of pending with {disk} state still fires in time",
            60,
            LOST,
            (old, new),
            Silent(end=FIRST - 1),
            firing(LAST, 60),
        )
    yield scene(
        "restart of the same instance in the middle of pending still fires in time",
        60,
        LOST,
        (Replica(up=outside(13, 17)),),
        Silent(end=FIRST - 1),
        firing(LAST, 60),
    )
    yield scene(
        "exporter away for 11 minutes in the middle of pending still fires in time",
        60,
        LOST,
        (Replica(up=outside(12, 23)),),
        Silent(end=FIRST - 1),
        firing(LAST, 60),
    )
    yield scene(
        "firing, then a restart after which agents stay unknown for minutes: no false resolve",
        90,
        {"a": Env(agents=without(GONE + 1, 80)), "b": STEADY},
        (Replica(up=outside(40, 42), agents=outside(40, 55)),),
        firing(LAST, 79),
        Silent(start=80, end=90),
    )


def _holds() -> Iterator[Scenario]:
    yield scene(
        "firing, then exporter gone for 30 minutes: no false resolve; resolves with the agent",
        100,
        {"a": Env(agents=without(GONE + 1, 80)), "b": STEADY},
        (Replica(up=outside(35, 65)),),
        firing(LAST, 79),
        Silent(start=80, end=100),
    )
    yield scene(
        "firing, then exporter gone for 30 minutes, in which the agent comes back",
        100,
        {"a": Env(agents=without(GONE + 1, 50)), "b": STEADY},
        (Replica(up=outside(35, 65)),),
        firing(LAST, 64),
        Silent(start=65, end=100),
    )
    yield scene(
        "firing, then exporter gone for 5 hours: no false resolve",
        400,
        LOST,
        (Replica(up=outside(35, 335)),),
        firing(LAST, 400),
    )
    yield scene(
        "firing, then the environment is deleted while the exporter is healthy: resolves",
        90,
        {"a": Env(agents=without(GONE + 1), exists=during(0, 40)), "b": STEADY},
        (Replica(),),
        firing(LAST, 39),
        Silent(start=40, end=90),
    )
    yield scene(
        "firing, then the last environment is deleted while the exporter is healthy: resolves",
        90,
        {"a": Env(agents=without(GONE + 1), exists=during(0, 40))},
        (Replica(),),
        firing(LAST, 39),
        Silent(start=40, end=90),
    )
    yield scene(
        "firing, then the environment is deleted while the exporter is away: resolves after",
        90,
        {"a": Env(agents=without(GONE + 1), exists=during(0, 40)), "b": STEADY},
        (Replica(up=outside(35, 60)),),
        firing(LAST, 59),
        Silent(start=60, end=90),
    )
    yield scene(
        "everything decommissioned while firing: the hold ends by itself within about 6 hours",
        430,
        LOST,
        (Replica(up=during(0, 40)),),
        firing(LAST, 6 * 60),
        Silent(start=40 + 6 * 60, end=430),
    )
    yield scene(
        "firing, then only the agents collector fails for half an hour: no false resolve",
        100,
        {"a": Env(agents=without(GONE + 1, 90)), "b": STEADY},
        (Replica(agents=outside(40, 70)),),
        firing(LAST, 89),
        Silent(start=90, end=100),
    )
    yield scene(
        "firing, then only the environments collector fails for half an hour: no false resolve",
        100,
        {"a": Env(agents=without(GONE + 1, 90)), "b": STEADY},
        (Replica(listed=outside(40, 70)),),
        firing(LAST, 89),
        Silent(start=90, end=100),
    )
    yield scene(
        "firing, then the API is down for half an hour: no false resolve",
        100,
        {"a": Env(agents=without(GONE + 1, 90)), "b": STEADY},
        (Replica(listed=outside(40, 70), agents=outside(40, 70)),),
        firing(LAST, 89),
        Silent(start=90, end=100),
    )
    yield scene(
        "firing, then maintenance is declared: resolves",
        60,
        {"a": Env(agents=without(GONE + 1), maintained=during(40, 61))},
        (Replica(),),
        firing(LAST, 39),
        Silent(start=40, end=60),
    )
    yield scene(
        "firing, then the environment is renamed: the same one alert",
        60,
        {"a": Env(agents=without(GONE + 1), name=lambda t: "Old" if t < 40 else "New")},
        (Replica(),),
        firing(LAST, 60),
    )


def _replicas() -> Iterator[Scenario]:
    def blind(every: int = 1) -> Replica:
        # It saw the agents until its token lost a scope: what it says is old, not "never".
        return Replica(instance="b:10042", blind=lambda t: t >= 5, every=every)

    yield scene(
        "two replicas, one of them blind: silent if either sees an agent",
        60,
        {"a": STEADY, "b": STEADY},
        (Replica(), blind()),
        Silent(end=60),
    )
    yield scene(
        "two replicas, one of them blind, the other asks every 15 minutes",
        60,
        {"a": STEADY, "b": STEADY},
        (Replica(every=15), blind()),
        Silent(end=60),
    )
    yield scene(
        "two replicas, one of them blind: a loss that both see fires",
        60,
        LOST,
        (Replica(), blind()),
        Silent(end=FIRST - 1),
        firing(LAST, 60),
    )
    yield scene(
        "two replicas, one of them blind: resolves when the other sees the agent again",
        90,
        {"a": Env(agents=without(GONE + 1, 60)), "b": STEADY},
        (Replica(), blind()),
        firing(LAST, 59),
        Silent(start=60, end=90),
    )
    yield scene(
        "two replicas, one that asks seldom: a loss fires in time",
        60,
        LOST,
        (Replica(), Replica(instance="b:10042", every=15)),
        Silent(end=FIRST - 1),
        firing(LAST, 60),
    )
    yield scene(
        "two replicas that differ about the name of the environment for a while",
        60,
        {"a": Env(agents=without(GONE + 1), name=lambda t: "Old" if t < 15 else "New")},
        (Replica(), Replica(instance="b:10042", listed=during(0, 15), agents=always)),
        Silent(end=FIRST - 1),
        firing(LAST, 60),
    )


def _shards() -> Iterator[Scenario]:
    """Environment ``a`` is the first of three shards', ``b`` the second's, ``c`` the third's."""
    lost = {"a": STEADY, "b": Env(agents=without(GONE + 1)), "c": STEADY}
    second = Firing(start=LAST, end=90, labels=({"environment_id": "b"},))

    def shards(replicas: str = "", *, up: When = always) -> tuple[Replica, ...]:
        """Three, of which the second one is not always there; more with replicas of each."""
        return tuple(
            Replica(
                instance=f"{index}{replica}:10042",
                shard=(index, 3),
                up=up if index == 1 else always,
            )
            for index in range(3)
            for replica in replicas or "a"
        )

    yield scene(
        "three shards: a loss in one of them fires once, and nothing else does",
        90,
        lost,
        shards(),
        Silent(end=FIRST - 1),
        second,
    )
    yield scene(
        "three shards with two replicas each: a loss in one of them fires once",
        90,
        lost,
        shards("ab"),
        Silent(end=FIRST - 1),
        second,
    )
    yield scene(
        "three shards, nothing is lost: silent while one of them is away for half an hour",
        90,
        {"a": STEADY, "b": STEADY, "c": STEADY},
        shards(up=outside(20, 50)),
        Silent(end=90),
    )
    yield scene(
        "three shards: firing, then its shard is away for half an hour: no false resolve",
        90,
        lost,
        shards(up=outside(35, 65)),
        second,
    )
    yield scene(
        "three shards: firing, then the environment is deleted: resolves",
        90,
        {**lost, "b": Env(agents=without(GONE + 1), exists=during(0, 40))},
        shards(),
        Firing(start=LAST, end=39, labels=({"environment_id": "b"},)),
        Silent(start=40, end=90),
    )
    yield scene(
        "from one to two shards: an environment that changes its exporter fires once and stays",
        90,
        lost,
        (
            Replica(up=during(0, 40)),
            Replica(instance="0:10042", shard=(0, 2), up=during(38, 91)),
            Replica(instance="1:10042", shard=(1, 2), up=during(42, 91)),
        ),
        Silent(end=FIRST - 1),
        second,
    )
