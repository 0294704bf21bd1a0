"""Every query of every panel, variable and annotation, asked of a real Prometheus.

It has an hour and a quarter of the real exporter: agents lost and deployed again, an outage, a
throttled API, a refused credential, a maintenance, failing jobs (tests/grafana/story.py).
"""

import math
import re
from typing import Any

import pytest

from tests.grafana.asking import Asker, Series
from tests.grafana.boards import (
    STEP,
    Target,
    annotations,
    boards,
    filled,
    panels,
    targets,
    variables,
)
from tests.grafana.conftest import Stage
from tests.grafana.history import FIRST, JOB, NAMES, SECOND

pytestmark = pytest.mark.peers
EVERY = {str(target): target for target in targets()}
MARKS = {
    f"{name}: {one['name']}": one for name, board in boards().items() for one in annotations(board)
}
COUNTS_REPLICAS = "Exporters that answer"
"""The one number that is of replicas, and must grow with them."""


@pytest.mark.parametrize("where", EVERY)
def test_a_query_gives_what_its_panel_can_show(where: str, stage: Stage) -> None:
    target = EVERY[where]
    answer = stage.one.target(target)
    assert answer, "nothing"
    values = [value for one in answer for _, value in one.points]
    assert any(math.isfinite(value) for value in values)
    kind = target.panel["type"]
    if kind == "stat":
        assert len(answer) == 1, "a tile shows one number for each query"
    elif kind == "table":
        _check_rows(target, answer)
    else:
        _check_lines(target, answer, stage.one)


def _check_rows(target: Target, answer: tuple[Series, ...]) -> None:
    """A row for each value of the key, and the key on each row."""
    joins = [t for t in target.panel["transformations"] if t["id"] == "joinByField"]
    for join in joins:
        keys = [one.labels[join["options"]["byField"]] for one in answer]
        assert len(keys) == len(set(keys)), "rows that cannot be told apart"


def _check_lines(target: Target, answer: tuple[Series, ...], asker: Asker) -> None:
    """Each has a name of its own, made of labels that it has, and begins near the beginning."""
    labels = NAMES.findall(target.legend)
    names = [filled_in(target.legend, one) for one in answer]
    assert len(names) == len(set(names)), names
    for one in answer:
        assert all(one.labels.get(label) for label in labels), one.labels
    if "> 0" not in target.expr and target.panel["type"] == "timeseries":
        longest = max(len(one.points) for one in answer)
        assert longest > 0.95 * asker.span.seconds / STEP, "it has holes"


def filled_in(legend: str, one: Series) -> str:
    return NAMES.sub(lambda found: one.labels.get(found[1], ""), legend)


@pytest.mark.parametrize("where", EVERY)
def test_a_second_replica_changes_no_number(where: str, stage: Stage) -> None:
    target = EVERY[where]
    if target.panel["title"] == COUNTS_REPLICAS:
        assert [one.points[0][1] for one in stage.two.target(target)] == [2]
        return
    assert _by_labels(stage.two.target(target)) == _by_labels(stage.one.target(target))


def _by_labels(answer: tuple[Series, ...]) -> dict[frozenset[tuple[str, str]], Any]:
    """Without the series that say themselves that they are of the second replica."""
    return {
        frozenset(one.labels.items()): [
            (at, "NaN" if math.isnan(value) else round(value, 6)) for at, value in one.points
        ]
        for one in answer
        if one.labels.get("instance") != SECOND
    }


def test_what_is_shown_by_replica_shows_both(stage: Stage) -> None:
    own = [target for target in targets() if "instance" in NAMES.findall(target.legend)]
    assert own
    for target in own:
        assert {one.labels["instance"] for one in stage.two.target(target)} == {FIRST, SECOND}


@pytest.mark.parametrize("where", [where for where, target in EVERY.items() if target.table])
def test_the_columns_of_a_table_are_there(where: str, stage: Stage) -> None:
    target = EVERY[where]
    several = len(target.panel["targets"]) > 1
    (kept,) = [t for t in target.panel["transformations"] if t["id"] == "filterFieldsByName"]
    here = {name for one in stage.one.target(target) for name in one.labels}
    here.add(f"Value #{target.ref}" if several else "Value")
    named = set(kept["options"]["include"]["names"])
    assert here & named, "a query for nothing"
    labels = {
        label
        for other in targets()
        if other.panel is target.panel
        for one in stage.one.target(other)
        for label in one.labels
    }
    missing = {name for name in named if not name.startswith("Value")} - labels
    assert missing <= {"collector"}, "no alert about a collector fires in this story"
    (order,) = [t for t in target.panel["transformations"] if t["id"] == "organize"]
    titles = set(order["options"]["renameByName"].values())
    overrides = target.panel["fieldConfig"]["overrides"]
    assert {one["matcher"]["options"] for one in overrides} == titles
    assert {one["displayName"] for one in target.panel["options"]["sortBy"]} <= titles


@pytest.mark.parametrize("where", EVERY)
def test_where_nothing_is_known_no_panel_says_that_all_is_well(where: str, stage: Stage) -> None:
    """A tile without data shows its words for that; a 0 in green would be a lie."""
    assert stage.before.target(EVERY[where]) == ()


def test_overrides_by_name_are_of_lines_that_are_there(stage: Stage) -> None:
    for target in targets():
        if target.panel["type"] != "timeseries" or target.ref != "A":
            continue
        names = {
            filled_in(other.legend, one)
            for other in targets()
            if other.panel is target.panel
            for one in stage.one.target(other)
        }
        for override in target.panel["fieldConfig"]["overrides"]:
            assert override["matcher"]["options"] in names, target.panel["title"]


@pytest.mark.parametrize("name", boards())
def test_the_variables_have_something_to_choose(name: str, stage: Stage) -> None:
    found = variables(boards()[name])
    for one in ("job", "instance"):
        query = re.fullmatch(r"label_values\((.+), (\w+)\)", found[one]["query"]["query"])
        assert query, one
        expected = [JOB] if one == "job" else [FIRST, SECOND]
        assert stage.two.values_of(query[1], query[2]) == expected


def test_environments_are_chosen_by_name_and_asked_for_by_id(stage: Stage) -> None:
    variable = variables(boards()["environment"])["environment_id"]
    query = re.fullmatch(r"query_result\((.+)\)", variable["query"]["query"])
    assert query
    pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    chosen = {}
    for one in stage.two.now(query[1]):
        found = pattern.search(_as_query_result(one))
        assert found
        chosen[found["text"]] = found["value"]
    assert chosen == stage.names


def _as_query_result(one: Series) -> str:
    """The text that Grafana makes of a series for the regular expression of a variable."""
    labels = ",".join(f'{name}="{value}"' for name, value in one.labels.items())
    at, value = one.points[0]
    return f"{{{labels}}} {value:g} {at * 1000:g}"


@pytest.mark.parametrize("where", MARKS)
def test_an_annotation_marks_something_once_and_says_what(where: str, stage: Stage) -> None:
    mark = MARKS[where]
    found = stage.one.over_time(mark["expr"])
    active = [one for one in found if any(value > 0 for _, value in one.points)]
    assert active
    labels = set(NAMES.findall(mark["titleFormat"] + mark["textFormat"]))
    having = {label for one in active for label in one.labels}
    assert labels - having <= {"environment_name", "collector"}, "not every alert is about one"
    if mark["useValueForTime"]:
        start, end = stage.one.span.start * 1000, stage.one.span.end * 1000
        times = {value for one in active for _, value in one.points}
        assert any(start < at < end for at in times), "the deploys of the story, in milliseconds"
    assert _by_labels(stage.two.over_time(mark["expr"])) == _by_labels(found)


def test_an_environments_marks_are_its_own(stage: Stage) -> None:
    mark = MARKS["environment: Alerts"]
    found = {one.labels.get("environment_name") for one in stage.one.over_time(mark["expr"])}
    assert found == {None}, "the alert about staging is none about development"


def _shown(asker: Asker, board: str, title: str, ref: str = "A") -> list[float]:
    (panel,) = [panel for panel in panels(boards()[board]) if panel["title"] == title]
    (target,) = [t for t in targets() if t.panel is panel and t.ref == ref]
    return [one.points[-1][1] for one in asker.target(target)]


BEFORE = 0.05
OUTAGE = 0.355
REFUSED = 0.665
END = 1.0 - 1e-2


@pytest.mark.parametrize(
    ("share", "board", "title", "value"),
    [
        (BEFORE, "overview", "Environments that lost their agent", 0),
        (BEFORE, "overview", "Alerts that fire", 0),
        (BEFORE, "overview", "Flatfile API", 1),
        (BEFORE, "overview", "Collectors with old data", 0),
        (BEFORE, "environment", "State", 0),
        (0.15, "environment", "State", 3),
        (0.77, "environment", "State", 2),
        (OUTAGE, "overview", "Flatfile API", 0),
        (REFUSED, "overview", "Flatfile API", 0),
        (REFUSED, "exporter", "Credential", 0),
        (END, "exporter", "Credential", 1),
        (END, "overview", "Environments that lost their agent", 1),
        (END, "overview", "Alerts that fire", 1),
        (END, "overview", "All environments", 5),
    ],
)
def test_a_tile_tells_the_story(
    share: float, board: str, title: str, value: float, stage: Stage
) -> None:
    assert _shown(stage.at(share), board, title) == [value]


def test_the_table_says_which_environment_lost_its_agent_and_since_when(stage: Stage) -> None:
    (panel,) = [one for one in panels(boards()["overview"]) if one["title"] == "Environments"]
    state, _, since, *_ = [target for target in targets() if target.panel is panel]
    states = {one.labels["environment_name"]: one.points[0][1] for one in stage.one.target(state)}
    assert states == {
        "production": 0, "development": 0, "staging": 3, "eu-production": 0, "sandbox": 1,
    }  # fmt: skip
    times = {one.labels["environment_id"]: one.points[0][1] for one in stage.one.target(since)}
    lost = stage.at(0.82).span.end
    assert times[stage.names["staging"]] / 1000 == pytest.approx(lost, abs=90)
    assert stage.names["sandbox"] not in times, "it never had one"


def test_the_topics_that_are_not_shown_are_in_the_sum_of_the_others(stage: Stage) -> None:
    (panel,) = [
        one for one in panels(boards()["overview"]) if one["title"] == "Events a minute by topic"
    ]
    largest, rest = [target for target in targets() if target.panel is panel]
    at = stage.at(0.2)
    shown = sum(value for one in at.target(largest) for t, value in one.points if t == at.span.end)
    others = [value for one in at.target(rest) for t, value in one.points if t == at.span.end]
    family = 'flatfile_events_total{job=~"$job"}[$__rate_interval]'
    (whole,) = at.now(f"60 * sum(rate({family}))")
    assert shown + sum(others) == pytest.approx(whole.points[0][1])
    assert len(at.target(largest)) == 9


def test_a_variable_that_nobody_fills_in_is_noticed() -> None:
    with pytest.raises(KeyError):
        filled("rate(x[$__rate_intervall])", {"__rate_interval": "2m"})
