"""What a dashboard of Prometheus metrics should keep to, checked where no linter is installed.

The rules are those of grafana/dashboard-linter, and some that it does not have.
"""

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from exporter.rules.every import alerts
from tests.grafana.boards import ROOT, boards, expressions, panels, targets, variables
from tests.grafana.promql import read

NAMES = ("audit", "environment", "exporter", "overview")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RULES = ("ALERTS", "flatfile:")
"""What the rules make is over the replicas: it has no instance."""
UNITS = {"short", "locale", "s", "bytes", "percentunit", "reqps", "dateTimeFromNow"}
"""Of Grafana (packages/grafana-data, valueFormats), those in use here."""
SAID = 40
"""Letters that an advice has at least: a title again is none."""
LIST = [(str(target), target) for target in targets()]
EVERY = [*expressions()]


@pytest.fixture(params=NAMES)
def board(request: pytest.FixtureRequest) -> Any:
    return boards()[request.param]


def test_there_are_these_dashboards() -> None:
    assert tuple(boards()) == NAMES


def test_a_dashboard_is_found_again_and_is_nobodys_private_copy(board: Any) -> None:
    assert board["uid"].startswith("flatfile-")
    assert board.get("id") is None
    assert board["title"].startswith("Flatfile / ")
    assert board["tags"] == ["flatfile", "flatfile-exporter"]
    assert board["editable"] is False
    assert board["timezone"] == "utc"
    assert board["schemaVersion"] == 39, "of Grafana 11.0"
    assert board["refresh"] == "1m"
    assert board["description"]
    assert "__inputs" not in board


def test_the_uids_are_the_ones_that_links_and_bookmarks_know() -> None:
    assert {board["uid"] for board in boards().values()} == {f"flatfile-{name}" for name in NAMES}


def test_data_source_job_and_instance_are_chosen_at_the_top(board: Any) -> None:
    found = variables(board)
    assert list(found)[:3] == ["datasource", "job", "instance"]
    source = found["datasource"]
    assert (source["type"], source["query"], source["label"]) == (
        "datasource",
        "prometheus",
        "Data source",
    )
    for name in ("job", "instance"):
        one = found[name]
        assert (one["type"], one["label"]) == ("query", name.title())
        assert (one["multi"], one["includeAll"], one["allValue"]) == (True, True, ".+")
    for one in found.values():
        if one["type"] == "query":
            assert one["datasource"] == SOURCE
            assert one["refresh"] == 2, "a change of the time range asks again"
    base = found["runbooks"]
    assert (base["type"], base["hide"]) == ("constant", 2)
    assert base["query"] == "https://example.org/flatfile-exporter/runbooks"


def test_nothing_is_tied_to_somebodys_data_source(board: Any) -> None:
    for panel in panels(board):
        assert panel["datasource"] == SOURCE, panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == SOURCE, panel["title"]
    for one in board["annotations"]["list"]:
        assert one["datasource"] == SOURCE or one["builtIn"] == 1


def test_a_panel_says_what_it_is_what_to_do_and_why_it_is_empty(board: Any) -> None:
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert len(panel["description"]) > SAID, panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert len(defaults["noValue"]) > len("No data"), panel["title"]
        assert defaults["thresholds"]["steps"][0]["value"] is None, panel["title"]
        assert defaults["unit"] in UNITS, panel["title"]
        assert panel["targets"], panel["title"]
    titles = Counter(panel["title"] for panel in panels(board))
    assert set(titles.values()) == {1}, titles


def test_columns_have_units_too(board: Any) -> None:
    for panel in panels(board):
        for override in panel["fieldConfig"]["overrides"]:
            for prop in override["properties"]:
                assert prop["id"] != "unit" or prop["value"] in UNITS, override


def test_the_grid_is_full_and_nothing_lies_on_anything(board: Any) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
    ids = [panel["id"] for panel in board["panels"]]
    assert ids == sorted(set(ids))
    for _, p in places:
        assert 0 <= p["x"] < p["x"] + p["w"] <= 24
    area = sum(p["w"] * p["h"] for _, p in places)
    assert area == 24 * max(p["y"] + p["h"] for _, p in places)
    for (one, a), (other, b) in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, f"{one} lies on {other}"


@pytest.mark.parametrize(("where", "expr"), EVERY)
def test_every_selector_is_by_job_and_instance(where: str, expr: str) -> None:
    for one in read(expr).selectors:
        if where.endswith("$job"):  # the first choice of all
            continue
        assert one.matchers.get("job") == ("=~", "$job"), one.name
        if not one.name.startswith(RULES) and not where.endswith("$instance"):
            assert one.matchers.get("instance") == ("=~", "$instance"), one.name


@pytest.mark.parametrize(("where", "expr"), EVERY)
def test_counters_are_under_a_rate_and_rates_over_the_interval_of_the_rate(
    where: str, expr: str
) -> None:
    for one in read(expr).selectors:
        counter = one.name.endswith(("_total", "_bucket"))
        assert counter == (one.within in {"rate", "increase"}), f"{where}: {one.name}"
        if one.within == "rate":
            assert one.window == "$__rate_interval", where
        elif one.window:
            assert one.window in {"$__range", "1h"}, where


@pytest.mark.parametrize(("where", "target"), LIST)
def test_a_query_is_of_a_moment_or_over_time_as_its_panel_shows(where: str, target: Any) -> None:
    kind = target.panel["type"]
    assert target.instant == (kind in {"stat", "table"}), where
    assert target.table == (kind == "table"), where
    if kind in {"timeseries", "state-timeline"}:
        assert target.legend, "a line without a name"
        assert any(one["interval"] == "1m" for one in target.panel["targets"])


def test_links_to_runbooks_lead_to_pages_that_are_there() -> None:
    known = {alert.name for alert in alerts()}
    linked: set[str] = set()
    for board in boards().values():
        for panel in panels(board):
            for link in panel.get("links", []):
                name = link["title"].removeprefix("Runbook of ")
                assert link["url"] == f"${{runbooks}}/{name}.md"
                assert link["targetBlank"]
                linked.add(name)
    assert linked == known, "each alert is explained beside what it is about"
    pages = {page.stem for page in (ROOT / "deploy" / "runbooks").glob("*.md")}
    assert linked <= pages


def test_the_dashboards_lead_to_each_other(board: Any) -> None:
    others, pages = board["links"]
    assert (others["type"], others["tags"]) == ("dashboards", ["flatfile-exporter"])
    assert others["includeVars"]
    assert others["keepTime"]
    assert pages["url"] == "${runbooks}"


def test_a_click_on_an_environment_opens_its_dashboard_with_it_chosen() -> None:
    assert "environment_id" in variables(boards()["environment"])
    links = []
    for panel in panels(boards()["overview"]):
        links += panel["fieldConfig"]["defaults"].get("links", [])
        for override in panel["fieldConfig"]["overrides"]:
            links += [
                link
                for prop in override["properties"]
                if prop["id"] == "links"
                for link in prop["value"]
            ]
    urls = [link["url"] for link in links if link["url"].startswith("/d/")]
    assert len(urls) == 2
    for url in urls:
        path, _, query = url.partition("?")
        assert path == f"/d/{boards()['environment']['uid']}"
        assert query.startswith("var-environment_id=${__")
        for name in ("datasource", "job", "instance"):
            assert f"${{{name}:queryparam}}" in query
        assert "${__url_time_range}" in query


def test_a_picture_of_each_is_there_and_small_enough_for_a_readme() -> None:
    for name in NAMES:
        picture = Path(ROOT, ".github", f"dashboard-{name}.png")
        assert picture.exists(), "run python -m tests.grafana.pictures"
        assert 20_000 < picture.stat().st_size < 300_000, picture.name
