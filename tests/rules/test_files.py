"""The committed rules and scenarios: up to date, valid, and right."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from exporter.catalog import families
from exporter.rules import Alert, generated, groups
from tests.rules import files
from tests.rules.promtool import run

FOLDER = Path("deploy/prometheus")
RULES = FOLDER / "rules" / "flatfile-alerts.yml"
ALERTS = [rule for group in groups() for rule in group.rules if isinstance(rule, Alert)]
NAMES = {
    "FlatfileEnvironmentAgentLost": "critical",
    "FlatfileAgentsMassDisappearance": "critical",
    "FlatfileEnvironmentAgentFlapping": "warning",
    "FlatfileDataStale": "warning",
    "FlatfileExporterDown": "critical",
    "FlatfileShardMissing": "critical",
    "FlatfileAPIUnreachable": "critical",
    "FlatfileTokenInvalid": "critical",
    "FlatfileTokenExpiringSoon": "warning",
    "FlatfileJobsFailing": "warning",
    "FlatfileEventsStopped": "info",
    "FlatfileExporterConfigReloadFailed": "warning",
    "FlatfileAPIThrottled": "warning",
    "FlatfileCollectorTruncated": "warning",
    "FlatfileAuditSinkStuck": "warning",
    "FlatfileAuditGap": "critical",
    "FlatfileAuditLagging": "critical",
}
CAUSES = {"FlatfileExporterDown", "FlatfileAPIUnreachable", "FlatfileTokenInvalid"}
PROCESS = {
    "FlatfileShardMissing",
    "FlatfileExporterConfigReloadFailed",
    "FlatfileAuditSinkStuck",
    "FlatfileAuditGap",
}
FOREIGN = {"up", "ALERTS", "process_start_time_seconds"}


@pytest.mark.parametrize(("path", "content"), [*generated(), *files.generated()], ids=str)
def test_the_file_is_what_make_generate_writes(root: Path, path: Path, content: str) -> None:
    stale = f"{path} is stale: make generate"
    assert (root / path).read_text(encoding="utf-8") == content, stale


def test_the_operator_gets_the_very_same_rules(root: Path) -> None:
    plain = yaml.safe_load((root / RULES).read_text(encoding="utf-8"))
    path = root / RULES.with_name("flatfile-alerts.prometheusrule.yaml")
    wrapped = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (wrapped["apiVersion"], wrapped["kind"]) == (
        "monitoring.coreos.com/v1",
        "PrometheusRule",
    )
    assert wrapped["spec"] == plain


def test_the_alerts_have_the_names_and_severities_of_the_contract() -> None:
    assert {alert.name: alert.severity for alert in ALERTS} == NAMES


def test_an_alert_that_is_neither_a_cause_nor_about_the_process_reads_the_data() -> None:
    assert {alert.name for alert in ALERTS if not alert.reads_data} == CAUSES | PROCESS


def test_a_summary_is_constant_and_a_description_says_where() -> None:
    for alert in ALERTS:
        assert "{{" not in alert.summary, alert.name
        assert "{{ $labels." in alert.description, alert.name
        if "environment_id" in alert.description:
            assert "$labels.environment_name" in alert.description, alert.name
            assert "environment_name" in alert.expr, alert.name


def test_every_metric_in_a_rule_is_one_that_is_exposed_or_recorded() -> None:
    exposed = {family.name for _, family in families()}
    recorded = {
        rule.name for group in groups() for rule in group.rules if not isinstance(rule, Alert)
    }
    for group in groups():
        for rule in group.rules:
            expr = re.sub(r'"[^"]*"', "", rule.expr)
            used = set(re.findall(r"\b(?:flatfile[a-z0-9_:]+|process_[a-z_]+|up|ALERTS)\b", expr))
            assert used <= exposed | recorded | FOREIGN, rule.name


def test_each_alert_has_a_scenario_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    from tests.rules import data
    from tests.rules.scenario import Firing

    every = [*files.scenarios(), *data.weekly()]
    for name in NAMES:
        own = [scenario for scenario in every if scenario.alert == name]
        fires = [s for s in own if any(isinstance(one, Firing) for one in s.said)]
        assert fires, f"{name} fires in no scenario"
        assert any(s.wording for s in fires), f"nobody has read what {name} says"
        assert len(own) > len(fires), f"{name} is silent in no scenario"


@pytest.mark.peers
def test_promtool_finds_nothing_wrong(root: Path, promtool: str) -> None:
    code, said = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", root / RULES)
    assert code == 0, said
    code, said = run(promtool, "check", "config", root / FOLDER / "prometheus.yml")
    assert code == 0, said


SCENARIOS = [path for path, _ in files.generated()]


@pytest.mark.peers
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_every_scenario_comes_out_as_it_should(root: Path, path: Path, promtool: str) -> None:
    code, said = run(promtool, "test", "rules", root / path)
    assert code == 0, said


@pytest.mark.peers
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_every_scenario_comes_out_the_same_in_prometheus_3(
    root: Path, path: Path, optional: Callable[[str], str]
) -> None:
    code, said = run(optional("promtool3"), "test", "rules", root / path)
    assert code == 0, said


@pytest.mark.peers
def test_pint_has_nothing_to_say(root: Path, optional: Callable[[str], str]) -> None:
    code, said = run(
        optional("pint"), "--no-color", "--offline", "lint", "--min-severity=info", root / RULES
    )
    assert code == 0, said
    assert "Problems found" not in said, said
