"""The example configuration in a real Alertmanager: a cause is told instead of its symptoms."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.rules import Alert, Thresholds, groups
from tests.rules import promtool
from tests.rules.conftest import Need
from tests.support.processes import START, Running, ask, eventually, free_port, running

CONFIG = Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml"
ALERTS = [rule for group in groups() for rule in group.rules if isinstance(rule, Alert)]
DATA = {alert.name for alert in ALERTS if alert.reads_data}
JSON = {"content-type": "application/json"}
HINT = "apt-get install prometheus-alertmanager"

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    return {}


@pytest.fixture
def url(
    need: Need, stack: ExitStack, kept: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Of one Alertmanager for all tests of this module; each test has a job of its own."""
    program = need("prometheus-alertmanager", HINT)
    if "url" not in kept:
        kept["url"] = stack.enter_context(alertmanager(program, tmp_path_factory.mktemp("am")))
    return kept["url"]


@contextmanager
def alertmanager(program: str, folder: Path) -> Iterator[str]:
    """One on a free port of the loopback interface, alone, telling nobody."""
    for _ in range(3):
        url = f"http://127.0.0.1:{free_port()}"  # somebody else may take it first
        command = [
            program,
            f"--config.file={_telling_nobody(folder)}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        with running(command, folder) as run:

            def ready(run: Running = run, url: str = url) -> bool:
                return not run.alive or ask(f"{url}/-/ready").status == 200

            eventually(ready, START)
            if run.alive:
                yield url
                return
            assert "address already in use" in run.stderr, run.stderr
    raise AssertionError("no port stayed free for Alertmanager")


def _telling_nobody(folder: Path) -> Path:
    """The example with a receiver that takes nothing: nobody listens here."""
    text, count = re.subn(
        r"    webhook_configs:\n(?:      .*\n)+", "", CONFIG.read_text(encoding="utf-8")
    )
    assert count == 1
    path = folder / "alertmanager.yml"
    path.write_text(text, encoding="utf-8")
    return path


def fire(url: str, job: str, *names: str) -> None:
    found = {alert.name: alert for alert in ALERTS}
    alerts = [
        {"labels": {**labels, "alertname": name, "job": job, "environment_id": f"of {job}"}}
        for name in names
        for labels in [found[name].document(Thresholds())["labels"]]
    ]
    assert ask(f"{url}/api/v2/alerts", "POST", alerts, JSON).status == 200


def inhibited(url: str, job: str, count: int) -> dict[str, bool]:
    """Whether each alert of the job is inhibited, once all are there."""

    def look() -> list[Any]:
        every = ask(f"{url}/api/v2/alerts").json()
        mine = [one for one in every if one["labels"]["job"] == job]
        assert len(mine) == count
        return mine

    return {
        one["labels"]["alertname"]: bool(one["status"]["inhibitedBy"]) for one in eventually(look)
    }


def become(url: str, job: str, count: int, expected: set[str]) -> None:
    """An alert is listed a moment before its inhibition is known."""

    def look() -> bool:
        found = inhibited(url, job, count)
        return {name for name, is_so in found.items() if is_so} == expected

    eventually(look)


def test_amtool_finds_nothing_wrong(need: Need) -> None:
    code, said = promtool.run(need("amtool", HINT), "check-config", CONFIG)
    assert code == 0, said


@pytest.mark.parametrize(
    "cause", ["FlatfileExporterDown", "FlatfileAPIUnreachable", "FlatfileTokenInvalid"]
)
def test_a_cause_inhibits_every_alert_that_reads_the_data(url: str, cause: str) -> None:
    process = "FlatfileExporterConfigReloadFailed"
    fire(url, cause, cause, process, *DATA)
    become(url, cause, len(DATA) + 2, DATA)


def test_a_cause_of_another_job_inhibits_nothing(url: str) -> None:
    fire(url, "theirs", "FlatfileExporterDown")
    fire(url, "ours", *DATA - {"FlatfileAgentsMassDisappearance"})
    assert not any(inhibited(url, "ours", len(DATA) - 1).values())


def test_without_an_exporter_the_api_and_the_credential_are_not_told(url: str) -> None:
    names = ("FlatfileExporterDown", "FlatfileAPIUnreachable", "FlatfileTokenInvalid")
    fire(url, "gone", *names)
    become(url, "gone", 3, set(names[1:]))


def test_a_mass_disappearance_inhibits_single_losses_and_nothing_else(url: str) -> None:
    fire(url, "mass", *DATA)
    become(url, "mass", len(DATA), {"FlatfileEnvironmentAgentLost"})
