"""Every rule there is."""

from exporter.rules import agents, audit, causes, data
from exporter.rules.rule import Alert, Group
from exporter.rules.thresholds import Thresholds


def groups(thresholds: Thresholds | None = None) -> tuple[Group, ...]:
    """By the given thresholds, or by the defaults."""
    t = thresholds or Thresholds()
    return (causes.group(t), agents.group(t), data.group(t), audit.group(t))


def alerts(thresholds: Thresholds | None = None) -> tuple[Alert, ...]:
    return tuple(
        rule for one in groups(thresholds) for rule in one.rules if isinstance(rule, Alert)
    )
