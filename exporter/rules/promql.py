"""The sentences of PromQL that the rules are put together from.

Each is given as text that stands by itself: a function call, a name or something in parentheses.
"""

from dataclasses import dataclass
from textwrap import indent

from exporter.rules.thresholds import Thresholds
from exporter.settings.durations import duration

REMEMBERED = "flatfile:environment_agent_last_seen_timestamp_seconds:remembered"
"""Recorded: when an environment was last seen to have an agent, also while nobody says so."""

AGENTS = "flatfile_environment_agents"
INFO = "flatfile_environment_info"
LISTED = "flatfile_environment_last_success_timestamp_seconds"
ENVIRONMENTS = "flatfile_environments"
SHARDS = "flatfile_exporter_shards"
NAMES = "environment_name, production"
"""The labels that an alert about an environment takes over from ``flatfile_environment_info``."""


@dataclass(frozen=True, slots=True)
class Words:
    """By the labels that these thresholds say replicas share."""

    thresholds: Thresholds

    @property
    def job(self) -> str:
        return self.thresholds.identity

    @property
    def each(self) -> str:
        """The labels of one environment."""
        return f"{self.job}, environment_id"

    @property
    def lookback(self) -> str:
        return duration(self.thresholds.lookback)

    def newest(self, metric: str) -> str:
        """For each environment, over the replicas: what any of them sees is there."""
        return f"max by ({self.each}) ({metric})"

    def seen_before(self, metric: str, ago: int) -> str:
        """As ``newest``, some seconds ago. A range does not mind a restart just then."""
        then = f"last_over_time({metric}[{self.lookback}] offset {duration(ago)})"
        return f"max by ({self.each}) ({then})"

    def firing(self, alert: str, labels: str) -> str:
        """What an alert (or one of ``A|B``) said last; about itself, that is its own memory."""
        matcher = "=~" if "|" in alert else "="
        own = f'ALERTS{{alertname{matcher}"{alert}",alertstate="firing"}}'
        return f"max by ({labels}) ({own})"

    def gone(self) -> str:
        """Environments that are remembered, and not in a list that is whole.

        It is whole if as many are named as were counted: where shards share the account, only one
        counts, and each names its own. A shard that is away takes its names along, and nothing
        else.
        """
        named = f"count by ({self.job}) ({self.newest(INFO)})"
        counted = f"max by ({self.job}) ({ENVIRONMENTS})"
        whole = f"({named} or on ({self.job}) {counted} * 0) >= on ({self.job}) {counted}"
        return f"({REMEMBERED} and on ({self.job}) ({whole}) unless on ({self.each}) {INFO})"

    def of_shards(self, metric: str) -> str:
        """With the label ``shard`` where several share the account, as it is elsewhere."""
        here = f"{self.job}, instance"
        return (
            f"({metric} + on ({here}) group_left (shard) ({SHARDS} > 1) * 0"
            f" or on ({here}, collector) {metric})"
        )

    def maintained(self) -> str:
        """Environments under maintenance, and for a while after it.

        The while is for the round that will see the agent again, and for the first page after a
        restart, which may know the agents before the maintenance.
        """
        newest = f"max_over_time(flatfile_environment_maintenance[{self.lookback}])"
        return f"max by ({self.each}) ({newest}) == 1"

    def missing(self, after: int) -> str:
        """Environments that had an agent and have been seen without one for ``after`` seconds.

        Three points in time, all from the exporter's own clock, so that none of its skew
        matters: the last sight of an agent, a listing that is later and was known ``after``
        seconds ago, and one that is later still. The value is the last sight.
        """
        confirmed = max(1, round(after * self.thresholds.confirmed))
        then = self.seen_before(LISTED, after)
        return f"""\
  {REMEMBERED} > 0
and on ({self.each})
  {self.newest(AGENTS)} == 0
and on ({self.each})
  {then}
  > on ({self.each})
  {REMEMBERED}
and on ({self.each})
    {self.newest(LISTED)}
  - on ({self.each})
    {then}
  >= {confirmed}"""

    def named(self, expr: str, *, lately: bool = True) -> str:
        """With the name of the environment, which must exist (or have existed just now).

        One of the replicas' names: they differ for a moment when an environment is renamed, and
        two would be an error of the whole rule.
        """
        info = f"last_over_time({INFO}[{self.lookback}])" if lately else INFO
        one = f"topk by ({self.each}) (1, {info})"
        inner = indent(expr.strip("\n"), "  ")
        return f"(\n{inner}\n)\n* on ({self.each}) group_left ({NAMES})\n  {one}"
