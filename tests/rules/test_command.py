"""The rules with other thresholds, from the command line."""

from pathlib import Path

import pytest
import yaml

from exporter.rules.__main__ import main
from exporter.rules.thresholds import Thresholds, settable
from tests.rules.promtool import run


def rendered(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_without_arguments_it_prints_the_committed_rules(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = root / "deploy/prometheus/rules/flatfile-alerts.yml"
    assert rendered(capsys) == committed.read_text(encoding="utf-8")


def test_a_duration_a_severity_and_the_runbooks_can_be_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = rendered(
        capsys,
        "--set=lost_after=15m",
        "--set=severity.FlatfileEnvironmentAgentLost=page",
        "--set=runbooks=https://wiki.example.org/flatfile/",
        "--format=operator",
    )
    groups = yaml.safe_load(said)["spec"]["groups"]
    rules = {rule.get("alert"): rule for group in groups for rule in group["rules"]}
    lost = rules["FlatfileEnvironmentAgentLost"]
    assert "offset 15m" in lost["expr"]
    assert ">= 720" in lost["expr"], "confirmed is a share of it"
    assert lost["labels"]["severity"] == "page"
    assert lost["annotations"]["runbook_url"] == (
        "https://wiki.example.org/flatfile/FlatfileEnvironmentAgentLost.md"
    )


@pytest.mark.peers
@pytest.mark.parametrize(
    "sets",
    [
        ("identity=job, namespace",),
        tuple(
            f"{name}=3s"
            for name in ("lost_after", "mass_after", "lookback", "evaluation", "unreachable_for")
        ),
    ],
    ids=["more labels", "as short as a demonstration needs"],
)
def test_promtool_takes_what_comes_out(
    sets: tuple[str, ...], tmp_path: Path, promtool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(rendered(capsys, *(f"--set={one}" for one in sets)), encoding="utf-8")
    code, said = run(promtool, "check", "rules", path)
    assert code == 0, said


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("lost=5m", "lost is not a threshold"),
        ("lost_after=5", "has no unit"),
        ("lost_after=100ms", "not a whole number of seconds"),
        ("lost_after", "not NAME=VALUE"),
        ("flaps=many", "flaps: "),
        ("severity.Flatfile=page", "there is no alert Flatfile"),
    ],
)
def test_a_mistake_is_said_in_one_line(
    wrong: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--set={wrong}"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert why in err
    assert err.count("\n") == 1


def test_the_list_gives_every_threshold_and_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = " ".join(rendered(capsys, "--list").split())
    assert set(settable()) == set(Thresholds.__slots__) - {"severities"}
    for name, (_, why) in settable().items():
        assert f"{name} = " in said
        assert why.text in said
    assert "lost_after = 10m" in said
