"""What people change about the rules: one frozen value, each default with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, get_args, get_type_hints

from exporter.settings.durations import seconds

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Why:
    """The reason for a default."""

    text: str


class Lasts(Why):
    """Of a duration, in whole seconds: the rules write it as PromQL does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every field can be given to ``python -m exporter.rules --set name=value``."""

    identity: Annotated[
        str,
        Why(
            "Labels that tell one exporter from another, separated by commas. Replicas share"
            " them, so instance is never one. With the operator, 'job, namespace' keeps two"
            " tenants apart; list them in alertmanager.yml, too."
        ),
    ] = "job"
    jobs: Annotated[
        str,
        Why(
            "Pattern of the job names; read by FlatfileExporterDown only, because a target that"
            " never answered has no other name."
        ),
    ] = ".*flatfile.*"
    evaluation: Annotated[
        int,
        Lasts("Between two evaluations. Less than 5m, or the memory of a firing alert gets holes."),
    ] = _MINUTE
    lookback: Annotated[
        int,
        Lasts(
            "How long the exporter may be away (a restart, a rollout) before what it said last is"
            " not taken for the present any more; and how long a maintenance has an effect after"
            " its end."
        ),
    ] = 5 * _MINUTE
    lost_after: Annotated[
        int,
        Lasts(
            "How long an environment must have been seen without an agent. A redeploy takes up to"
            " 6 minutes; with rounds, scrapes and evaluations of a minute each, somebody is told"
            " within 14."
        ),
    ] = 10 * _MINUTE
    confirmed: Annotated[
        float,
        Why(
            "The newest listing without an agent must be younger than the one of lost_after ago"
            " by at least this share of it. An outage of the API freezes both, and is no loss."
        ),
    ] = 0.8
    hold: Annotated[
        int,
        Lasts(
            "How long an alert that fires stays when the data goes away. Longer than an outage"
            " that somebody works on; short enough that what was decommissioned falls silent."
        ),
    ] = 6 * _HOUR
    mass_after: Annotated[
        int,
        Lasts(
            "As lost_after, for many at once. Less than that, so that it is there to inhibit the"
            " single losses; more than a redeploy of everything takes."
        ),
    ] = 7 * _MINUTE
    mass_least: Annotated[
        int, Why("Of two environments, both may well lose their agents by themselves.")
    ] = 3
    mass_spread: Annotated[
        int,
        Lasts(
            "Environments last seen with an agent within this time lost it at once: a round in a"
            " large account takes minutes."
        ),
    ] = 5 * _MINUTE
    mass_memory: Annotated[
        int,
        Lasts(
            "What was lost earlier than this does not keep the mass alert up any more: an account"
            " may have environments that are dead for good."
        ),
    ] = _DAY
    flaps: Annotated[
        int, Why("Falls of the number of agents within an hour; a deployment is one fall.")
    ] = 3
    stale_after: Annotated[
        int, Lasts("Shorter failures pass by themselves, and the last good values bridge them.")
    ] = 10 * _MINUTE
    stale_intervals: Annotated[
        int, Why("As stale_after, for collectors that ask seldom, in intervals of each.")
    ] = 3
    down_for: Annotated[int, Lasts("A rollout of the exporter takes less.")] = 5 * _MINUTE
    unreachable_for: Annotated[
        int, Lasts("Less than stale_after, so that the cause is there before its symptoms.")
    ] = 5 * _MINUTE
    refused_for: Annotated[
        int, Lasts("A refusal is definite; the time is for a rotation of the secret.")
    ] = _MINUTE
    token_left: Annotated[
        int,
        Lasts(
            "A token lasts 24h and is refreshed 3.6h to 6h before its end: with less than that"
            " left, refreshes have failed for a while."
        ),
    ] = 3 * _HOUR
    failing_factor: Annotated[
        float,
        Why("Failed jobs against the mean of the last day; half again as many is a busy hour."),
    ] = 3.0
    failing_least: Annotated[
        int, Why("Failed jobs on top of that: three times nothing would be one, which is no news.")
    ] = 5
    busy_events: Annotated[
        int,
        Why("Events within events.window (1h) of a busy environment: one every three minutes."),
    ] = 20
    silent_for: Annotated[
        int, Lasts("On top of the window of an hour, which must be empty first.")
    ] = 30 * _MINUTE
    throttled: Annotated[
        float,
        Why("Requests that wait at any moment, on average: more are asked for than let out."),
    ] = 1.0
    throttled_for: Annotated[int, Lasts("A start asks everything at once, and may.")] = 15 * _MINUTE
    truncated_for: Annotated[int, Lasts("Nothing burns, and a reload may have mended it.")] = (
        15 * _MINUTE
    )
    reload_failed_for: Annotated[int, Lasts("Time to correct the typing error.")] = 5 * _MINUTE
    audit_stuck_after: Annotated[
        int, Lasts("Age of the oldest record that waits. Longer than a restart of a database.")
    ] = 15 * _MINUTE
    audit_stuck_for: Annotated[
        int, Lasts("A backlog that is just being worked off is no news.")
    ] = 5 * _MINUTE
    audit_gap_memory: Annotated[
        int, Lasts("How long a new gap is told: somebody has to see it, and nobody can mend it.")
    ] = _DAY
    audit_lagging_after: Annotated[
        int, Lasts("Since the feed was last read whole; an outage of the API should be told first.")
    ] = 10 * _MINUTE
    audit_lagging_for: Annotated[int, Lasts("A take-over by a second exporter takes less.")] = (
        5 * _MINUTE
    )
    runbooks: Annotated[
        str,
        Why(
            "Where deploy/runbooks is published; the page of an alert is NAME.md below it. The"
            " default is a placeholder in a domain that belongs to nobody."
        ),
    ] = "https://example.org/flatfile-exporter/runbooks"
    severities: tuple[tuple[str, str], ...] = ()
    """Other severities than the rules' own, as pairs with the name of the alert:
    ``--set severity.NAME=page``."""

    def having(self, name: str, text: str) -> "Thresholds":
        """With one value changed, as written on the command line.

        Raises ValueError, with a message for whoever typed it.
        """
        if name.startswith("severity."):
            pair = (name.removeprefix("severity."), text)
            return replace(self, severities=(*self.severities, pair))
        kinds = settable()
        if name not in kinds:
            raise ValueError(f"{name} is not a threshold; there are {', '.join(kinds)}")
        kind, why = kinds[name]
        try:
            value: Any = _whole(text) if isinstance(why, Lasts) else kind(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        return replace(self, **{name: value})


def settable() -> Mapping[str, tuple[type, Why]]:
    """Type and reason of each threshold, by name."""
    hints = get_type_hints(Thresholds, include_extras=True)
    return {
        name: (args[0], args[1])
        for name, hint in hints.items()
        if len(args := get_args(hint)) > 1 and isinstance(args[1], Why)
    }


def _whole(text: str) -> int:
    found = seconds(text)
    if found < 1 or found != int(found):
        raise ValueError(f"{text} is not a whole number of seconds")
    return int(found)
