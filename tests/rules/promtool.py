"""promtool on scenarios."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import yaml

from exporter.rules import Group, Thresholds
from tests.rules.scenario import Scenario, document

_PATIENCE = 280.0  # seconds; all scenarios take 20 where nothing else runs
_ENVIRONMENT = {**os.environ, "GOGC": "400"}  # a third less time for the collector of garbage


def run(program: str, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and everything that it wrote."""
    done = subprocess.run(
        [program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_ENVIRONMENT,
        check=False,
        timeout=_PATIENCE,
        text=True,
    )
    return done.returncode, done.stdout


def play(
    program: str, folder: Path, groups: Iterable[Group], scenarios: Iterable[Scenario]
) -> tuple[int, str]:
    """These scenarios with these rules instead of the committed ones."""
    rules, tests = folder / "rules.yml", folder / "scenarios.test.yml"
    written = {"groups": [group.document(Thresholds()) for group in groups]}
    rules.write_text(yaml.safe_dump(written), encoding="utf-8")
    tests.write_text(yaml.safe_dump(document(rules.name, scenarios)), encoding="utf-8")
    code, said = run(program, "test", "rules", tests)
    assert "could not parse" not in said, said
    return code, said
