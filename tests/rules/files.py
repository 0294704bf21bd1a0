"""The files of scenarios, as they stand beside the rules."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.rules import agent_lost, audit, causes, data, mass
from tests.rules.scenario import Scenario, rendered

FOLDER = Path("deploy/prometheus/rules")
RULES = "flatfile-alerts.yml"


def scenarios() -> tuple[Scenario, ...]:
    """All that are played in steps of a minute."""
    modules = (agent_lost, mass, causes, data, audit)
    return tuple(chain.from_iterable(module.scenarios() for module in modules))


def generated() -> Iterator[tuple[Path, str]]:
    """Each generated file, by its path in the repository, with what it should hold."""
    minutes = FOLDER / "flatfile-alerts.test.yml"
    yield minutes, rendered(minutes, RULES, scenarios())
    weekly = FOLDER / "flatfile-alerts.weekly.test.yml"
    yield weekly, rendered(weekly, RULES, data.weekly())
