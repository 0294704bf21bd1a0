"""Every metric and every label that a dashboard names is one that is exposed."""

import pytest

from exporter.catalog import families
from exporter.families import Kind
from exporter.rules import Record, groups
from tests.grafana.boards import boards, expressions, panels
from tests.grafana.promql import Selector, read

TARGET = {"job", "instance"}
FOREIGN = {
    "up": TARGET,
    "process_start_time_seconds": TARGET,
    "process_resident_memory_bytes": TARGET,
    "process_cpu_seconds_total": TARGET,
    "process_open_fds": TARGET,
    "process_max_fds": TARGET,
    "ALERTS": {
        *("alertname", "alertstate", "severity", "job"),
        *("environment_id", "environment_name", "collector", "sink"),
    },
}
"""Of Prometheus, of the client library, and of the rules: with their labels."""


def _known() -> dict[str, set[str]]:
    known = {name: set(labels) for name, labels in FOREIGN.items()}
    for _, family in families():
        labels = {*family.labels, *TARGET}
        if family.kind is Kind.HISTOGRAM:
            known |= {f"{family.name}_{part}": labels for part in ("sum", "count")}
            known[f"{family.name}_bucket"] = {*labels, "le"}
        else:
            known[family.name] = labels
    recorded = [rule for group in groups() for rule in group.rules if isinstance(rule, Record)]
    return known | {rule.name: {"job", "environment_id"} for rule in recorded}


KNOWN = _known()
EVERY = dict(expressions())


@pytest.mark.parametrize("where", EVERY)
def test_every_metric_and_label_is_in_the_catalogue(where: str) -> None:
    found = read(EVERY[where])
    joined: set[str] = set()
    for one in found.selectors:
        assert one.name in KNOWN, one.name
        assert set(one.matchers) <= KNOWN[one.name], one.name
        joined |= KNOWN[one.name]
    assert found.grouped <= joined


def test_what_a_dashboard_shows_is_every_family_that_is_worth_a_look() -> None:
    """A new family is either on a dashboard, or named here with the reason why not."""
    hidden = {
        "flatfile_account_info",  # a name, and nothing that changes
        "flatfile_space_info",  # off by default; a list of thousands is no graph
        "flatfile_environment_system_agents",  # in the table of agents, one by one
        "flatfile_environment_last_success_timestamp_seconds",  # read by the rules
        "flatfile_audit_last_gap_timestamp_seconds",  # read by the rules
        "flatfile_recent_events_window_seconds",  # a setting
        "python_info",
    }
    shown = {selector.name for expr in EVERY.values() for selector in read(expr).selectors}
    whole = {name.removesuffix("_bucket") for name in shown}
    assert {family.name for _, family in families()} - hidden <= whole
    assert not hidden & whole


def test_the_reader_of_expressions_sees_what_stands_there() -> None:
    expr = 'sum by (a) (rate(x_total{job=~"$job", y!="}("}[5m])) * on (b) group_left (c) topk(1, z)'
    found = read(expr)
    assert found.grouped == {"a", "b", "c"}
    assert found.selectors == (
        Selector("x_total", {"job": ("=~", "$job"), "y": ("!=", "}(")}, "5m", "rate"),
        Selector("z", {}, "", "topk"),
    )
    assert [s.within for s in read("max by (a) (b) - time() and c @ end()").selectors] == [
        "max",
        "",
    ]


def test_an_overview_names_no_series_by_an_id() -> None:
    """People know environments by their names; ids are for links."""
    for panel in panels(boards()["overview"]):
        for target in panel["targets"]:
            assert "environment_id" not in target.get("legendFormat", ""), panel["title"]
