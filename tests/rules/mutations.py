"""Each condition of the rules removed or weakened, and the scenario that notices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exporter.rules import Alert, Group, Record, Thresholds, groups
from exporter.rules.agents import LOST, MASS
from exporter.rules.causes import UNREACHABLE
from exporter.rules.promql import REMEMBERED

DEFAULTS = Thresholds()
EACH = "on (job, environment_id)"
_COUNTED = "max by (job) (flatfile_environments)"
_WHOLE = (
    "(count by (job) (max by (job, environment_id) (flatfile_environment_info))"
    f" or on (job) {_COUNTED} * 0) >= on (job) {_COUNTED}"
)
_GONE = f"({REMEMBERED} and on (job) ({_WHOLE}) unless {EACH} flatfile_environment_info)"
_UNSEEN = f"(({REMEMBERED} > 0 unless {EACH} {_GONE}) > bool 0)"
_LISTED = "flatfile_environment_last_success_timestamp_seconds"
_NEWEST = f"max by (job, environment_id) ({_LISTED})"
_THEN = f"max by (job, environment_id) (last_over_time({_LISTED}[5m] offset 10m))"
_AGENTS = "max by (job, environment_id) (flatfile_environment_agents)"
_MAINTAINED = (
    f"unless {EACH}\n"
    "  max by (job, environment_id) (max_over_time(flatfile_environment_maintenance[5m])) == 1"
)


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """``old`` stands in a rule (``rule``, by default the alert itself) and becomes ``new``.

    ``killer`` is how the name of a scenario of ``alert`` begins which fails then.
    """

    name: str
    killer: str
    old: str = ""
    new: str = ""
    alert: str = LOST
    rule: str = ""
    thresholds: Thresholds = DEFAULTS

    def groups(self) -> tuple[Group, ...]:
        """The alert and the records that it may read, changed. Raises LookupError if not."""
        rules: list[Record | Alert] = []
        changed = self.thresholds != DEFAULTS
        for group in groups(self.thresholds):
            for rule in group.rules:
                if isinstance(rule, Alert) and rule.name not in {self.alert, UNREACHABLE}:
                    continue  # the others have no say in it
                if rule.name == (self.rule or self.alert) and self.old:
                    if _flat(self.old) not in _flat(rule.expr):
                        raise LookupError(f"{self.name}: {self.old} is not in {rule.name}")
                    expr = _flat(rule.expr).replace(_flat(self.old), _flat(self.new))
                    rules.append(replace(rule, expr=expr))
                    changed = True
                else:
                    rules.append(rule)
        if not changed:
            raise LookupError(f"{self.name} changes nothing")
        return (Group(name="mutated", rules=tuple(rules)),)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _windows() -> Sequence[Mutation]:
    def other(name: str, killer: str, alert: str = LOST, **values: float) -> Mutation:
        thresholds = replace(DEFAULTS, **values)  # type: ignore[arg-type] # some are whole numbers
        return Mutation(name=name, killer=killer, alert=alert, thresholds=thresholds)

    return (
        other("the window two minutes shorter", "lost fires in the window", lost_after=480),
        other("the window seven minutes longer", "lost fires in the window", lost_after=1_020),
        other("half of the confirmation", "API down 8 minutes after", confirmed=0.4),
        other("more confirmation than there are rounds", "lost fires in the window", confirmed=1.2),
        other("a hold of 20 minutes", "firing, then exporter gone for 30 minutes: no", hold=1_200),
        other("a hold of 4 hours", "firing, then exporter gone for 5 h", hold=14_400),
        other("a hold of 8 hours", "everything decommissioned", hold=28_800),
        other("no look back over a restart", "exporter away for 11", lookback=1),
        other("the mass as late as the single losses", "four of six at", MASS, mass_after=600),
        other("the mass as early as a redeploy", "a redeploy of every", MASS, mass_after=240),
        other("two are a mass", "both of two", MASS, mass_least=2),
        other("four are no mass", "all of three", MASS, mass_least=4),
        other("at once within two hours", "four of six one after", MASS, mass_spread=7_200),
        other("the mass remembers for ever", "environments that are dead", MASS, mass_memory=10**6),
    )


LOST_MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="no freshness gate: nothing has to be listed again",
        killer="API down 2 minutes after the loss",
        old=f"and {EACH} {_NEWEST} - {EACH} {_THEN} >= 480",
    ),
    Mutation(
        name="instant value: the first listing without an agent is enough",
        killer="a redeploy of 6 minutes is silent",
        old=f"{_THEN} > {EACH} {REMEMBERED}",
        new=f"{_NEWEST} > {EACH} {REMEMBERED}",
    ),
    Mutation(
        name="no comparison with the last sight",
        killer="the agent is back and lost again",
        old=f"and {EACH} {_THEN} > {EACH} {REMEMBERED}",
    ),
    Mutation(
        name="the zero itself is not asked for",
        killer="two replicas, one of them blind, the other asks every 15",
        old=f"and {EACH} {_AGENTS} == 0",
    ),
    Mutation(
        name="min instead of max: agents, to fire",
        killer="two replicas, one of them blind, the other asks every 15",
        old=f"{_AGENTS} == 0",
        new=f"{_AGENTS.replace('max', 'min', 1)} == 0",
    ),
    Mutation(
        name="min instead of max: agents, to resolve",
        killer="two replicas, one of them blind: resolves",
        old=f"{_AGENTS} > 0",
        new=f"{_AGENTS.replace('max', 'min', 1)} > 0",
    ),
    Mutation(
        name="min instead of max: last seen, over replicas",
        killer="two replicas, one of them blind: a loss that both see",
        rule=REMEMBERED,
        old="max by",
        new="min by",
    ),
    Mutation(
        name="min instead of max: last seen, over time",
        killer="lost fires in the window",
        rule=REMEMBERED,
        old="max_over_time",
        new="min_over_time",
    ),
    Mutation(
        name="min instead of max: newest listing",
        killer="two replicas, one that asks seldom",
        old=f"{_NEWEST} -",
        new=f"{_NEWEST.replace('max', 'min', 1)} -",
    ),
    Mutation(
        name="no hold",
        killer="firing, then exporter gone for 30 minutes: no",
        old='alertstate="firing"',
        new='alertstate="never"',
    ),
    Mutation(
        name="a hold that never ends",
        killer="everything decommissioned",
        old=f"* {EACH} group_left () {REMEMBERED}",
    ),
    Mutation(
        name="a hold only while the last sight is exposed",
        killer="firing, then a restart after which agents stay unknown",
        old=f"* {EACH} group_left () {REMEMBERED}",
        new=f"* {EACH} group_left () max by (job, environment_id)"
        " (flatfile_environment_agent_last_seen_timestamp_seconds)",
    ),
    Mutation(
        name="a hold that does not look at the agents",
        killer="firing, then exporter gone for 30 minutes: no",
        old=f"unless {EACH} {_AGENTS} > 0",
    ),
    Mutation(
        name="a hold that does not look whether the environment is gone",
        killer="firing, then the environment is deleted while the exporter is healthy",
        old=f"unless {EACH} {_GONE}",
    ),
    Mutation(
        name="an environment is gone as soon as nobody lists it",
        killer="firing, then exporter gone for 30 minutes: no",
        old=f"and on (job) ({_WHOLE}) ",
    ),
    Mutation(
        name="an environment is gone as soon as the first shard lists",
        killer="three shards: firing, then its shard is away",
        old=_WHOLE,
        new="flatfile_environments",
    ),
    Mutation(
        name="an environment of a shard is never gone",
        killer="three shards: firing, then the environment is deleted",
        old=_WHOLE,
        new="count by (job, instance) (flatfile_environment_info)"
        " >= on (job, instance) flatfile_environments",
    ),
    Mutation(
        name="every environment is gone while any is listed",
        killer="agents listed only every 15 minutes",
        old=f" unless {EACH} flatfile_environment_info)",
        new=")",
    ),
    Mutation(name="no maintenance", killer="declared maintenance", old=_MAINTAINED),
    Mutation(
        name="maintenance ends at once",
        killer="maintenance ends a moment before",
        old="max_over_time(flatfile_environment_maintenance[5m])",
        new="flatfile_environment_maintenance",
    ),
    Mutation(
        name="maintenance whatever it says",
        killer="lost fires in the window",
        old="maintenance[5m])) == 1",
        new="maintenance[5m])) >= 0",
    ),
    Mutation(
        name="no last seen > 0",
        killer="an environment that never had an agent",
        old=f"{REMEMBERED} > 0",
        new=REMEMBERED,
    ),
    Mutation(
        name="the last sight is not remembered",
        killer="restart in the middle of pending with an empty state",
        rule=REMEMBERED,
        old="max_over_time(flatfile_environment_agent_last_seen_timestamp_seconds[6h])",
        new="flatfile_environment_agent_last_seen_timestamp_seconds",
    ),
    Mutation(
        name="no name of the environment",
        killer="lost fires in the window",
        old=f"* {EACH} group_left (environment_name, production)"
        " topk by (job, environment_id) (1, flatfile_environment_info)",
    ),
    Mutation(
        name="the instance stays",
        killer="restart in the middle of pending with its state",
        old="max by (job, environment_id) (last_over_time",
        new="max by (job, environment_id, instance) (last_over_time",
    ),
    Mutation(
        name="every name that a replica knows",
        killer="two replicas that differ about the name",
        old="topk by (job, environment_id) (1, flatfile_environment_info)",
        new="max by (job, environment_id, environment_name, production)"
        " (flatfile_environment_info)",
    ),
    Mutation(
        name="new names beside the old one",
        killer="firing, then the environment is renamed",
        old=f"or {EACH}",
        new="or",
    ),
    Mutation(
        name="what fires is forgotten at each evaluation",
        killer="agents listed only every 15 minutes",
        old='alertname="FlatfileEnvironmentAgentLost"',
        new='alertname="Another"',
    ),
)

_ASKED = "flatfile_collector_interval_seconds"
_INTERVAL = (
    f"max by (job, shard, collector) (({_ASKED}"
    " + on (job, instance) group_left (shard) (flatfile_exporter_shards > 1) * 0"
    f" or on (job, instance, collector) {_ASKED}))"
)
_LEFT = "max by (job, environment_id) (flatfile_environment_agents) > bool 0"
_MASS_HOLD = f'ALERTS{{alertname="{MASS}",alertstate="firing"}}'

OTHER_MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        alert=MASS,
        name="no comparison with what is left",
        killer="four of ten",
        old=f"> on (job) sum by (job) ({_LEFT} or {EACH} {_UNSEEN}) or",
        new="or",
    ),
    Mutation(
        alert=MASS,
        name="what nobody sees is not left",
        killer="two shards: three of ten",
        old=f"> on (job) sum by (job) ({_LEFT} or {EACH} {_UNSEEN}) or",
        new=f"> on (job) sum by (job) ({_LEFT}) or",
    ),
    Mutation(
        alert=MASS,
        name="what nobody sees is not lost",
        killer="two shards: stays while",
        old=f" or {EACH} {_UNSEEN}) )",
        new=") )",
    ),
    Mutation(
        alert=MASS, name="no hold", killer="a later loss", old=_MASS_HOLD, new="(vector(1) > 2)"
    ),
    Mutation(
        alert=MASS,
        name="a hold that never ends",
        killer="everything decommissioned",
        old=f"and on (job) {REMEMBERED}",
    ),
    Mutation(
        alert=MASS,
        name="a hold that does not look who is back",
        killer="resolves when most are back",
        old=f"unless on (job) sum by (job) ({_LEFT})",
        new="unless on (job) sum by (job) (vector(-1))",
    ),
    Mutation(
        alert=MASS,
        name="no maintenance",
        killer="maintenance of all",
        rule="flatfile:environment_agents_missing:last_seen_timestamp_seconds",
        old=_MAINTAINED,
    ),
    Mutation(
        alert=MASS,
        name="no freshness gate",
        killer="API down right after",
        rule="flatfile:environment_agents_missing:last_seen_timestamp_seconds",
        old=">= 336",
        new=">= 0",
    ),
    Mutation(
        alert="FlatfileEnvironmentAgentFlapping",
        name="one fall is enough",
        killer="one redeploy",
        old=">= 3",
        new=">= 1",
    ),
    Mutation(
        alert="FlatfileEnvironmentAgentFlapping",
        name="no maintenance",
        killer="under maintenance",
        old=_MAINTAINED,
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="the same for every interval",
        killer="guests are asked hourly",
        old=f"> on (job, shard, collector) 3 * {_INTERVAL}",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="one shard for all",
        killer="a shard that sees nothing",
        old="(job, shard, collector)",
        new="(job, collector)",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="each replica for itself",
        killer="one of two replicas of a shard",
        old="(job, shard, collector)",
        new="(job, shard, collector, instance)",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="three intervals, however short",
        killer="no success for 10 minutes",
        old="> 600",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="no time for the next round after an outage",
        killer="after an outage of the API",
        old=f"{_INTERVAL} + 600 >",
        new=f"{_INTERVAL} * 0 >",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="the same time for the next round of each",
        killer="after an outage of the API",
        old=f"{_INTERVAL} + 600 >",
        new=f"{_INTERVAL} * 0 + 600 >",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="one replica is not enough",
        killer="one of two replicas is",
        old="(max by (job, shard, collector) ((flatfile_collector_last",
        new="(min by (job, shard, collector) ((flatfile_collector_last",
    ),
    Mutation(
        alert="FlatfileDataStale",
        name="collectors that are switched off, too",
        killer="a collector that is switched off",
        old=f"> on (job, shard, collector) 3 * {_INTERVAL}",
        new="> on (job, shard, collector) 3 * max by (job, shard, collector)"
        " (last_over_time(flatfile_collector_interval_seconds[1h]))",
    ),
    Mutation(
        alert="FlatfileExporterDown",
        name="absent() without labels",
        killer="a target that vanished",
        old='max by (job) (max_over_time(up{job=~".*flatfile.*"}[6h])) * 0',
        new='absent(up{job=~".*flatfile.*"} == 1)',
    ),
    Mutation(
        alert="FlatfileExporterDown",
        name="one replica is not enough",
        killer="one of two replicas is",
        old='unless on (job) max by (job) (up{job=~".*flatfile.*"}) == 1',
        new='unless on (job) min by (job) (up{job=~".*flatfile.*"}) == 1',
    ),
    Mutation(
        alert="FlatfileAPIUnreachable",
        name="instant value",
        killer="a restart of the exporter meanwhile",
        old="max_over_time(flatfile_up[3m])",
        new="flatfile_up",
    ),
    Mutation(
        alert="FlatfileAPIUnreachable",
        name="also when the credential is refused",
        killer="a credential that is refused",
        old="unless on (job) max by (job) (last_over_time(flatfile_token_valid[5m])) == 0",
    ),
    Mutation(
        alert="FlatfileTokenInvalid",
        name="instant value",
        killer="a restart of the exporter meanwhile",
        old="last_over_time(flatfile_token_valid[5m])",
        new="flatfile_token_valid",
    ),
    Mutation(
        alert="FlatfileTokenExpiringSoon",
        name="without a failure",
        killer="less than 3 hours left without",
        old="and on (job) max by (job) (increase(flatfile_token_refresh_failures_total[1h])) > 0",
    ),
    Mutation(
        alert="FlatfileTokenExpiringSoon",
        name="however long it lasts",
        killer="failures with a token that lasts",
        old="< 10800",
    ),
    Mutation(
        alert="FlatfileJobsFailing",
        name="whatever is usual",
        killer="as many as that are usual",
        old="3 * max",
        new="0 * max",
    ),
    Mutation(
        alert="FlatfileJobsFailing",
        name="any failure where none is usual",
        killer="the first failure ever",
        old="+ 5",
        new="+ 0",
    ),
)

_THERE = "max by (job) (flatfile_exporter_shards)"

SHARD_MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        alert="FlatfileShardMissing",
        name="each replica is a shard",
        killer="a shard that is away",
        old="count by (job) (max by (job, shard) (flatfile_exporter_shards))",
        new="count by (job) (flatfile_exporter_shards) + 1",
    ),
    Mutation(
        alert="FlatfileShardMissing",
        name="replicas that are away are missed, too",
        killer="one of two replicas of a shard",
        old=f"{_THERE} - on (job) count by (job) (max by (job, shard) (flatfile_exporter_shards))",
        new="count by (job) (count_over_time(flatfile_exporter_shards[1h])) - on (job)"
        " count by (job) (flatfile_exporter_shards)",
    ),
    Mutation(
        alert="FlatfileShardMissing",
        name="whatever they say how many there are",
        killer="shards that do not agree",
        old=f"or on (job) {_THERE} - on (job) min by (job) (flatfile_exporter_shards) > 0",
    ),
)

_SUCCESS = "flatfile_audit_feed_last_success_timestamp_seconds"
_OLDEST = "flatfile_audit_sink_oldest_unsent_timestamp_seconds"

AUDIT_MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        alert="FlatfileAuditSinkStuck",
        name="any backlog, however young",
        killer="a sink that takes nothing",
        old="> 900",
    ),
    Mutation(
        alert="FlatfileAuditSinkStuck",
        name="what waited a moment ago",
        killer="a sink that takes nothing",
        old="and on (job, sink) max by (job, sink)"
        " (last_over_time(flatfile_audit_sink_backlog_records[5m])) > 0",
    ),
    Mutation(
        alert="FlatfileAuditSinkStuck",
        name="instant value",
        killer="a restart of the exporter",
        old=f"last_over_time({_OLDEST}[5m])",
        new=_OLDEST,
    ),
    Mutation(
        alert="FlatfileAuditGap",
        name="any gap there ever was",
        killer="a new gap",
        old="< 86400",
        new="> 0",
    ),
    Mutation(
        alert="FlatfileAuditGap",
        name="forgotten within five minutes",
        killer="a new gap",
        old="< 86400",
        new="< 300",
    ),
    Mutation(
        alert="FlatfileAuditGap",
        name="by what the counter has risen only",
        killer="an exporter that was away",
        old="time() - max by (job) (last_over_time(flatfile_audit_last_gap_timestamp_seconds[5m]))"
        " < 86400 or on (job) ",
    ),
    Mutation(
        alert="FlatfileAuditGap",
        name="by the exporter's clock only",
        killer="the clock of the exporter",
        old=" or on (job) max by (job) (flatfile_audit_gaps_total)"
        " - max by (job) (min_over_time(flatfile_audit_gaps_total[1d])) > 0",
    ),
    Mutation(
        alert="FlatfileAuditGap",
        name="any number of gaps",
        killer="a log that is begun anew",
        old=" - max by (job) (min_over_time(flatfile_audit_gaps_total[1d])) > 0",
        new=" > 0",
    ),
    Mutation(
        alert="FlatfileAuditLagging",
        name="by the newest event",
        killer="a quiet account",
        old=_SUCCESS,
        new="flatfile_audit_newest_event_timestamp_seconds",
    ),
    Mutation(
        alert="FlatfileAuditLagging",
        name="instant value",
        killer="a restart of an exporter that lags",
        old="last_over_time(flatfile_audit_writer[5m])",
        new="flatfile_audit_writer",
    ),
    Mutation(
        alert="FlatfileAuditLagging",
        name="only where somebody writes",
        killer="all wait",
        old="or on (job) (max by (job) (last_over_time(flatfile_audit_writer[5m])) * 0 unless on (job)"
        f" max by (job) (last_over_time({_SUCCESS}[5m])))",
    ),
)

MUTATIONS = (*LOST_MUTATIONS, *_windows(), *OTHER_MUTATIONS, *SHARD_MUTATIONS, *AUDIT_MUTATIONS)
