"""The scenarios notice it when a condition is removed or weakened."""

from pathlib import Path

import pytest

from tests.rules.files import scenarios
from tests.rules.mutations import MUTATIONS, Mutation
from tests.rules.promtool import play
from tests.rules.scenario import Scenario

SCENARIOS = scenarios()


def _killer(mutation: Mutation) -> Scenario:
    found = [
        scenario
        for scenario in SCENARIOS
        if scenario.alert == mutation.alert and scenario.name.startswith(mutation.killer)
    ]
    assert len(found) == 1, f"{len(found)} scenarios begin with {mutation.killer!r}"
    return found[0]


@pytest.mark.peers
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: f"{one.alert}: {one.name}")
def test_a_scenario_fails(mutation: Mutation, tmp_path: Path, promtool: str) -> None:
    code, said = play(promtool, tmp_path, mutation.groups(), [_killer(mutation)])
    assert code != 0, f"{mutation.killer!r} does not notice"
    assert "FAILED" in said, said
