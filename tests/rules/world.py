"""An account and its exporters, minute by minute, as Prometheus scrapes them.

What is exposed when is written here a second time, from the metric contract: absent before the
first success, the last good value kept for a while, gone with the environment, the last sight of
an agent kept over restarts. All times are minutes since the beginning of the scenario.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.rules.series import STALE, Value, written

When = Callable[[int], bool]
_RETAINED = 10  # minutes, or three intervals


def always(_: int) -> bool:
    return True


def never(_: int) -> bool:
    return False


def during(start: int, end: int) -> When:
    """From ``start`` on, until before ``end``."""
    return lambda t: start <= t < end


def outside(start: int, end: int) -> When:
    return lambda t: not start <= t < end


@dataclass(frozen=True, kw_only=True)
class Env:
    """``agents`` as a round at that minute sees them."""

    agents: Callable[[int], int]
    exists: When = always
    maintained: When = never
    name: Callable[[int], str] | None = None


def without(start: int, end: int = 10_000) -> Callable[[int], int]:
    """One agent, gone from ``start`` on until before ``end``."""
    return lambda t: 0 if start <= t < end else 1


@dataclass(kw_only=True)
class Replica:
    """One process of the exporter behind one ``instance``.

    ``every`` is the interval of the agents collector. ``agents`` and ``listed`` say when the API
    answers about agents and environments, ``blind`` that the token sees no agents. The clock is
    ``clock`` minutes fast. ``shard`` is which one of how many it is; of the environments it has
    each so manieth.
    """

    instance: str = "a:10042"
    up: When = always
    agents: When = always
    listed: When = always
    blind: When = never
    every: int = 1
    clock: int = 0
    keeps_state: bool = True
    shard: tuple[int, int] = (0, 1)
    sights: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] | None = None
    names_at: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    due: int = 0
    listed_in_all: int = 0

    def own(self, account: Mapping[str, Env]) -> dict[str, Env]:
        index, count = self.shard
        return {of: env for i, (of, env) in enumerate(account.items()) if i % count == index}

    def minute(self, t: int, everything: Mapping[str, Env]) -> dict[str, float]:
        """Play the rounds that are due, and give the page."""
        account = self.own(everything)
        if not self.up(t):
            self.names, self.counts, self.counted, self.due = None, {}, {}, t + 1
            if not self.keeps_state:
                self.sights = {}
            return {}
        if self.listed(t):
            self.names_at = t
            self.listed_in_all = sum(env.exists(t) for env in everything.values())
            self.names = {
                of: env.name(t) if env.name else f"Name of {of}"
                for of, env in account.items()
                if env.exists(t)
            }
        if t >= self.due:
            self.due = t + self.every
            self._look(t, account)
        return dict(self._page(t, account))

    def _look(self, t: int, account: Mapping[str, Env]) -> None:
        if not self.agents(t):
            return
        for of, env in account.items():
            if env.exists(t):
                self.counts[of] = 0 if self.blind(t) else env.agents(t)
                self.counted[of] = t
                if self.counts[of]:
                    self.sights[of] = t

    def _page(self, t: int, account: Mapping[str, Env]) -> Iterable[tuple[str, float]]:
        yield f'flatfile_exporter_shards{{%s,shard="{self.shard[0]}"}}', self.shard[1]
        if self.names is not None and t - self.names_at <= _RETAINED:
            if self.shard[0] == 0:
                yield "flatfile_environments{%s}", self.listed_in_all
            for of, name in self.names.items():
                labels = f'environment_id="{of}",environment_name="{name}",production="true"'
                yield f"flatfile_environment_info{{%s,{labels}}}", 1
                yield (
                    f'flatfile_environment_maintenance{{%s,environment_id="{of}"}}',
                    account[of].maintained(t),
                )
        for of, at in self.counted.items():
            gone = self.names is not None and of not in self.names
            if gone or t - at > max(_RETAINED, 3 * self.every):
                continue
            sight = self._clock(self.sights[of]) if of in self.sights else 0
            label = f'{{%s,environment_id="{of}"}}'
            yield f"flatfile_environment_agents{label}", self.counts[of]
            yield f"flatfile_environment_agent_last_seen_timestamp_seconds{label}", sight
            yield f"flatfile_environment_last_success_timestamp_seconds{label}", self._clock(at)

    def _clock(self, t: int) -> int:
        return 60 * (t + self.clock)


def scraped(minutes: int, account: Mapping[str, Env], *replicas: Replica) -> dict[str, str]:
    """Every series that Prometheus has after so many minutes, in promtool's notation."""
    found: dict[str, list[Value]] = {}
    for t in range(minutes + 1):
        page: dict[str, float] = {}
        for replica in replicas:
            target = f'job="flatfile",instance="{replica.instance}"'
            for name, value in replica.minute(t, account).items():
                page[name.replace("%s", target)] = float(value)
        for name in {**found, **page}:
            values = found.setdefault(name, [None] * t)
            was = values[-1] if values else None
            ended = was is not None and was != STALE
            values.append(page.get(name, STALE if ended else None))
    return {name: written(values) for name, values in sorted(found.items())}
