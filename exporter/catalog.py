"""Every collector and every family there is."""

from collections.abc import Iterator
from typing import Any

from exporter import health
from exporter.audit.families import FAMILIES as AUDIT
from exporter.collectors import (
    agents,
    environments,
    events,
    executions,
    guests,
    spaces,
    users,
)
from exporter.collectors.contract import Collector
from exporter.families import Family

COLLECTORS: tuple[Collector[Any], ...] = (
    environments.COLLECTOR,
    agents.COLLECTOR,
    spaces.COLLECTOR,
    users.COLLECTOR,
    guests.COLLECTOR,
    events.COLLECTOR,
    executions.COLLECTOR,
)
"""In the order in which their families stand on the page."""


def families() -> Iterator[tuple[str, Family[Any]]]:
    """Every family with the name of its collector, empty for what the exporter says of itself.

    The audit log is no collector, and stands here as one.
    """
    for collector in COLLECTORS:
        for family in collector.families:
            yield collector.name, family
    for audited in AUDIT:
        yield "audit", audited
    for family in health.FAMILIES:
        yield "", family
