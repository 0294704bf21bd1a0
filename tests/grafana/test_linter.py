"""The public linter of dashboards, in its strict mode."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.boards import FOLDER, boards, panels

pytestmark = pytest.mark.peers
CONFIG = Path(__file__).with_name("dashboard-linter.yml")


@pytest.mark.parametrize("name", boards())
def test_dashboard_linter_is_content(name: str, need: Any) -> None:
    program = need("dashboard-linter", "tests/grafana/tools installs it")
    done = subprocess.run(
        [program, "lint", "--strict", "--config", CONFIG, FOLDER / f"{name}.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    complaints = [line for line in done.stdout.splitlines() if "❌" in line or "⚠" in line]
    assert (done.returncode, complaints) == (0, []), done.stdout


def test_each_exclusion_is_of_a_panel_that_is_there() -> None:
    titles = {
        (board["title"], panel["title"]) for board in boards().values() for panel in panels(board)
    }
    for rule in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["exclusions"].values():
        assert rule["reason"].strip()
        for entry in rule["entries"]:
            assert (entry["dashboard"], entry["panel"]) in titles
