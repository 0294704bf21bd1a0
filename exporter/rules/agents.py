"""An environment without its agents: what this exporter is for."""

from textwrap import indent

from exporter.rules.promql import AGENTS, NAMES, REMEMBERED, Words
from exporter.rules.rule import Alert, Group, Record
from exporter.rules.thresholds import Thresholds
from exporter.settings.durations import duration

LOST = "FlatfileEnvironmentAgentLost"
MASS = "FlatfileAgentsMassDisappearance"
_MISSING = "flatfile:environment_agents_missing:last_seen_timestamp_seconds"


def group(t: Thresholds) -> Group:
    return Group(
        name="flatfile-agents",
        rules=(*_records(t), _lost(t), _mass(t), _flapping(t)),
    )


def _records(t: Thresholds) -> tuple[Record, ...]:
    words = Words(t)
    seen = f"flatfile_environment_agent_last_seen_timestamp_seconds[{duration(t.hold)}]"
    return (
        Record(name=REMEMBERED, expr=f"max by ({words.each}) (max_over_time({seen}))"),
        Record(
            name=_MISSING,
            expr=f"{words.missing(t.mass_after)}\nunless on ({words.each})\n  {words.maintained()}",
        ),
    )


def _lost(t: Thresholds) -> Alert:
    """Two branches: what fires already, while nothing says otherwise, and what is newly lost.

    The first reads the alert's own past, so that it resolves because an agent was seen, because
    the environment is gone from a list that is there, because of maintenance, or because nothing
    was heard for ``hold``; never because the data went away. It stands first, so that an
    environment that is renamed keeps one alert.
    """
    words = Words(t)
    missing = words.named(words.missing(t.lost_after), lately=False)
    return Alert(
        name=LOST,
        severity="critical",
        reads_data=True,
        expr=f"""
(
    {words.firing(LOST, f"{words.each}, {NAMES}")}
  * on ({words.each}) group_left ()
    {REMEMBERED}
  unless on ({words.each})
    {words.newest(AGENTS)} > 0
  unless on ({words.each})
    {words.gone()}
or on ({words.each})
{indent(missing, "    ")}
)
unless on ({words.each})
  {words.maintained()}
""",
        summary="An environment has lost its agent.",
        description=(
            "Environment {{ $labels.environment_name }} ({{ $labels.environment_id }}) has no"
            " deployed agent any more"
            "{{ if gt $value 0.0 }}; it was last seen with one at"
            " {{ $value | humanizeTimestamp }}{{ end }}."
            " Nothing handles its events."
        ),
    )


def _mass(t: Thresholds) -> Alert:
    """Those lost at once against those that are left; held as long as they are fewer.

    What nobody can see just now, because its shard is away, is taken to be as it was: it counts
    with those that are left before the alert fires, and with those that are lost after that.
    """
    words = Words(t)
    job = words.job
    agents = words.newest(AGENTS)
    unseen = f"(({REMEMBERED} > 0 unless on ({words.each}) {words.gone()}) > bool 0)"
    left = f"sum by ({job}) ({agents} > bool 0)"
    kept = f"sum by ({job}) ({agents} > bool 0 or on ({words.each}) {unseen})"
    at_once = f"(max by ({job}) ({_MISSING}) - {t.mass_spread})"
    lately = f"({REMEMBERED} > bool (time() - {t.mass_memory}))"
    empty = f"({agents} == bool 0) * on ({words.each}) {lately}"
    lost = f"sum by ({job}) ({empty} or on ({words.each}) {unseen})"
    return Alert(
        name=MASS,
        severity="critical",
        reads_data=True,
        expr=f"""
    (
        count by ({job}) ({_MISSING} >= on ({job}) group_left () {at_once})
      >= {t.mass_least}
    )
  > on ({job})
    {kept}
or on ({job})
  (
      {words.firing(MASS, job)}
    and on ({job})
      {REMEMBERED}
    unless on ({job})
      {left} >= on ({job}) {lost}
  )
""",
        summary="More than half of the environments have lost all their agents at once.",
        description=(
            "Most environments that {{ $labels.job }} watches have lost all their agents at the"
            " same time. Suspect what the token may see, or the API, before the agents."
        ),
    )


def _flapping(t: Thresholds) -> Alert:
    words = Words(t)
    falls = f"resets(({words.newest(AGENTS)})[1h:{duration(t.evaluation)}]) >= {t.flaps}"
    return Alert(
        name="FlatfileEnvironmentAgentFlapping",
        severity="warning",
        reads_data=True,
        expr=f"{words.named(falls)}\nunless on ({words.each})\n  {words.maintained()}",
        summary="The agents of an environment come and go.",
        description=(
            "Environment {{ $labels.environment_name }} ({{ $labels.environment_id }}) had fewer"
            " agents than a moment before {{ $value | humanize }} times within the last hour."
        ),
    )
