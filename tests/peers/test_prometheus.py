"""A real Prometheus scrapes the real daemon, which asks a real server."""

import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from exporter import __version__
from exporter.catalog import families
from exporter.errors import REASONS
from exporter.families import Kind
from exporter.flatfile.topics import label
from tests.peers.support import Prometheus, prometheus
from tests.support.processes import (
    COLLECTORS,
    Account,
    Exporter,
    Labels,
    Series,
    account,
    eventually,
    exporter,
    quick,
    spotless,
)

pytestmark = pytest.mark.peers
HINT = "run tests/peers/install, or apt-get install prometheus"
DAY = 86_400

# The metric contract, written down once more. Without the audit log, which comes later.
CONTRACT = {
    "flatfile_up": "",
    "flatfile_account_info": "account_id account_name",
    "flatfile_environments": "",
    "flatfile_environment_info": "environment_id environment_name production",
    "flatfile_environment_spaces": "environment_id",
    "flatfile_environment_archived_spaces": "environment_id",
    "flatfile_environment_expired_spaces": "environment_id",
    "flatfile_space_info": "space_id space_name environment_id",
    "flatfile_environment_agents": "environment_id",
    "flatfile_environment_system_agents": "environment_id",
    "flatfile_agent_info": "environment_id agent_id slug compiler",
    "flatfile_agent_created_timestamp_seconds": "environment_id agent_id",
    "flatfile_agent_updated_timestamp_seconds": "environment_id agent_id",
    "flatfile_environment_agent_last_seen_timestamp_seconds": "environment_id",
    "flatfile_environment_maintenance": "environment_id",
    "flatfile_users": "",
    "flatfile_active_users": "window",
    "flatfile_environment_guests": "environment_id",
    "flatfile_recent_events": "environment_id topic",
    "flatfile_recent_events_window_seconds": "",
    "flatfile_events_total": "environment_id topic",
    "flatfile_environment_last_event_timestamp_seconds": "environment_id",
    "flatfile_environment_last_success_timestamp_seconds": "environment_id",
    "flatfile_agent_executions_total": "environment_id topic result",
    "flatfile_collector_success": "collector",
    "flatfile_collector_rounds_total": "collector",
    "flatfile_collector_failures_total": "collector reason",
    "flatfile_collector_duration_seconds": "collector",
    "flatfile_collector_last_success_timestamp_seconds": "collector",
    "flatfile_collector_last_attempt_timestamp_seconds": "collector",
    "flatfile_collector_interval_seconds": "collector",
    "flatfile_collector_series": "collector",
    "flatfile_collector_truncated": "collector",
    "flatfile_api_requests_total": "route method code",
    "flatfile_api_request_duration_seconds": "route",
    "flatfile_api_retries_total": "reason",
    "flatfile_api_throttled_seconds_total": "",
    "flatfile_api_budget_requests_per_second": "",
    "flatfile_token_expiry_timestamp_seconds": "",
    "flatfile_token_last_refresh_timestamp_seconds": "",
    "flatfile_token_refreshes_total": "",
    "flatfile_token_refresh_failures_total": "",
    "flatfile_token_valid": "",
    "flatfile_exporter_build_info": "version revision python_version",
    "flatfile_exporter_config_last_reload_successful": "",
    "flatfile_exporter_config_last_reload_success_timestamp_seconds": "",
    "flatfile_exporter_loop_heartbeat_timestamp_seconds": "",
}
KINDS = {name: "counter" for name in CONTRACT if name.endswith("_total")} | {
    name: "info" for name in CONTRACT if name.endswith("_info")
}
KINDS["flatfile_api_request_duration_seconds"] = "histogram"

PROCESS = (
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "python_info",
)
INTERVALS = {
    **dict.fromkeys(("environments", "agents", "spaces", "users", "events"), 1.0),
    "guests": 3600.0,
    "executions": 1.0,
}
ALWAYS_QUICK = quick(*(name for name, interval in INTERVALS.items() if interval == 1.0))
WINDOW = 60.0


@dataclass(frozen=True)
class Stack:
    account: Account
    exporter: Exporter
    began: float


@contextmanager
def stack(folder: Path, *flags: str) -> Iterator[Stack]:
    """An account and a daemon whose enabled collectors all had a good round."""
    began = time.time()
    with (
        account(folder) as emulated,
        exporter(folder, emulated, *ALWAYS_QUICK, "--collector.executions", *flags) as daemon,
    ):
        eventually(lambda: _all_succeeded(daemon))
        yield Stack(emulated, daemon, began)


def _all_succeeded(daemon: Exporter) -> bool:
    page = daemon.series()
    wanted = {_labels(collector=name): 1.0 for name in COLLECTORS}
    return dict(page["flatfile_collector_success"]) == wanted


def _labels(**labels: str) -> Labels:
    return frozenset(labels.items())


def _by_environment(value: Callable[[Any], float], truth: Any) -> dict[Labels, float]:
    return {_labels(environment_id=e["id"]): value(e) for e in truth["environments"].values()}


def test_prometheus_finds_every_family_of_the_contract_with_the_right_labels_and_values(
    tmp_path: Path, need: Any
) -> None:
    program = need("prometheus", HINT)
    flags = (f"--events.window={WINDOW:g}s", "--collector.spaces.info")
    with stack(tmp_path, *flags) as now, prometheus(program, tmp_path, now.exporter) as server:
        emulated, home = now.account, now.account.named("staging")
        # Some that leave the window while the test runs, and some that stay in it.
        old = {"count": 7, "topic": "space:expired", "at": time.time() - WINDOW + 3}
        emulated.do("events", {**old, "environment_id": home})
        emulated.do("events", {"count": 60, "spread": 5})
        emulated.do("events", {"count": 4, "topic": "workspace:synced", "environment_id": home})
        truth = emulated.truth(events=True)

        eventually(lambda: _up_to_date(server, home))
        target = server.target()
        assert (target["health"], target["lastError"]) == ("up", "")
        (up,) = server.query("up")
        assert up[1] == 1

        asked_before = _asked(emulated.requests())
        scraped = target["lastScrape"]
        eventually(lambda: server.target()["lastScrape"] != scraped)
        seen = server.series()
        asked_after = _asked(emulated.requests())
        _check_names_and_labels(seen)
        _check_kinds(server)
        _check_account(seen, truth)
        _check_spaces(seen, truth, emulated)
        _check_agents(seen, truth, emulated, now.began)
        _check_people(seen, truth)
        _check_events(seen, truth)
        _check_executions(seen, truth, emulated)
        _check_collectors(seen, now.began)
        _check_api(seen, asked_before, asked_after)
        _check_token(seen, now.began)
        _check_process(seen, now)
        assert server.get("targets")["droppedTargets"] == []
        spotless(now.exporter.run.stderr, now.exporter.page().text)


def _up_to_date(server: Prometheus, home: str) -> bool:
    """The newest events were scraped, and the oldest have left the window."""
    seen = server.series()
    where = {"environment_id": home}
    return (
        seen.value("flatfile_events_total", topic="other", **where) == 4
        and seen.value("flatfile_recent_events", topic="space:expired", **where) == 0
    )


def _asked(requests: list[Any]) -> Counter[tuple[str, str, str]]:
    return Counter((r["path"], r["method"], str(r["status"])) for r in requests)


def _check_names_and_labels(seen: Series) -> None:
    parts = {"_bucket", "_sum", "_count"}
    found: dict[str, set[frozenset[str]]] = {}
    for sample, family in seen.values.items():
        name = re.sub(r"_(bucket|sum|count)$", "", sample)
        name = name if name in CONTRACT and sample.removeprefix(name) in parts else sample
        keys = {frozenset(k for k, _ in labels) - {"le"} for labels in family}
        found.setdefault(name, set()).update(keys)
    scraped_with_it = {"up", *(name for name in found if name.startswith("scrape_"))}
    more = {
        "flatfile_exporter_state_available",
        "flatfile_exporter_shards",
        "flatfile_collector_lateness_seconds",
        "flatfile_collector_hints_total",
    }
    assert found.keys() - scraped_with_it - more == {*CONTRACT, *PROCESS}
    for name, labels in CONTRACT.items():
        assert found[name] == {frozenset(labels.split())}, name


def _check_kinds(server: Prometheus) -> None:
    """An info says so only in OpenMetrics: that is what was negotiated."""
    said = server.metadata()
    for name in CONTRACT:
        kind = KINDS.get(name, "gauge")
        short = name.removesuffix("_total") if kind == "counter" else name
        short = short.removesuffix("_info") if kind == "info" else short
        assert said[short][0] == kind, name
        assert said[short][1], name
    assert said["flatfile_environments"][1].endswith("Polled every 1s.")


def _check_account(seen: Series, truth: Any) -> None:
    who = _labels(account_id=truth["account_id"], account_name=truth["account_name"])
    assert seen["flatfile_account_info"] == {who: 1}
    assert seen.value("flatfile_up") == 1
    assert seen.value("flatfile_environments") == len(truth["environments"]) == 5
    assert seen["flatfile_environment_info"] == {
        _labels(
            environment_id=e["id"],
            environment_name=e["name"],
            production="true" if e["is_prod"] else "false",
        ): 1
        for e in truth["environments"].values()
    }


def _check_spaces(seen: Series, truth: Any, emulated: Account) -> None:
    for state, name in (
        ("active", "flatfile_environment_spaces"),
        ("archived", "flatfile_environment_archived_spaces"),
        ("expired", "flatfile_environment_expired_spaces"),
    ):
        expected = _by_environment(lambda e, state=state: e[f"{state}_spaces"], truth)  # type: ignore[misc] # the default is the closure
        assert seen[name] == expected, name
        assert sum(expected.values()) > 0
    assert seen["flatfile_space_info"] == {
        _labels(space_id=s["id"], space_name=s["name"], environment_id=s["environmentId"]): 1
        for s in emulated.list("/spaces?archived=true&pageSize=200")
    }
    assert len(seen["flatfile_space_info"]) == 40


def _check_agents(seen: Series, truth: Any, emulated: Account, began: float) -> None:
    assert seen["flatfile_environment_agents"] == _by_environment(lambda e: e["agents"], truth)
    system = _by_environment(lambda e: e["system_agents"], truth)
    assert seen["flatfile_environment_system_agents"] == system
    assert {0.0} < set(seen["flatfile_environment_agents"].values())
    agents = [
        agent
        for environment_id in truth["environments"]
        for agent in emulated.list(f"/agents?environmentId={environment_id}&pageSize=200")
    ]
    assert len(agents) == sum(e["agents"] + e["system_agents"] for e in _all(truth))
    assert seen["flatfile_agent_info"] == {
        _labels(
            environment_id=a["environmentId"],
            agent_id=a["id"],
            slug=a["slug"],
            compiler=a["compiler"],
        ): 1
        for a in agents
    }
    for moment in ("created", "updated"):
        assert seen[f"flatfile_agent_{moment}_timestamp_seconds"] == {
            _labels(environment_id=a["environmentId"], agent_id=a["id"]): _unix(a[f"{moment}At"])
            for a in agents
        }
    quiet = _by_environment(lambda _: 0, truth)
    assert seen["flatfile_environment_maintenance"] == quiet, "nobody has declared any"
    last_seen = seen["flatfile_environment_agent_last_seen_timestamp_seconds"]
    for e in _all(truth):
        at = last_seen[_labels(environment_id=e["id"])]
        assert began < at < time.time() if e["agents"] else at == 0, e["name"]
    listed = seen["flatfile_environment_last_success_timestamp_seconds"]
    assert listed.keys() == last_seen.keys() == quiet.keys()
    assert all(began < at < time.time() for at in listed.values())


def _check_people(seen: Series, truth: Any) -> None:
    assert seen.value("flatfile_users") == truth["users"] == 30
    stamps = [at for at in truth["last_seen"].values() if at is not None]
    assert {dict(k)["window"] for k in seen["flatfile_active_users"]} == {"24h", "7d", "30d"}
    for window, days in (("24h", 1), ("7d", 7), ("30d", 30)):
        # One may have left the window since it was counted.
        now = time.time()
        least, most = (sum(at > t - days * DAY for at in stamps) for t in (now, now - 60))
        assert least <= (seen.value("flatfile_active_users", window=window) or 0) <= most
    guests = _by_environment(lambda e: e["guests"], truth)
    assert seen["flatfile_environment_guests"] == guests
    assert sum(guests.values()) == 30


def _check_events(seen: Series, truth: Any) -> None:
    total, recent, newest = Counter[Labels](), Counter[Labels](), dict[Labels, float]()
    for event in truth["event_list"]:
        home = event["environment_id"]
        key = _labels(environment_id=home, topic=label(event["topic"]))
        total[key] += 1
        recent[key] += event["topic"] != "space:expired"
        newest[_labels(environment_id=home)] = event["created_at"]
    assert total.total() == 71
    for name, counts in (("flatfile_events_total", total), ("flatfile_recent_events", recent)):
        found = seen[name]
        assert {k: v for k, v in found.items() if v or k in total} == dict(counts), name
        # What never happened is there at 0 where that matters most.
        for home in truth["environments"]:
            assert _labels(environment_id=home, topic="agent:deleted") in found, name
    assert seen["flatfile_environment_last_event_timestamp_seconds"] == newest
    assert seen.value("flatfile_recent_events_window_seconds") == WINDOW


def _check_executions(seen: Series, truth: Any, emulated: Account) -> None:
    counts = Counter[Labels]()
    for home in truth["environments"]:
        for run in emulated.list(f"/agents/executions?environmentId={home}&pageSize=500"):
            result = "success" if run["success"] else "failure"
            counts[_labels(environment_id=home, topic=run["topic"], result=result)] += 1
    assert counts
    assert seen["flatfile_agent_executions_total"] == dict(counts)


def _check_collectors(seen: Series, began: float) -> None:
    """A look at everything that a collector says of its own rounds."""
    series = Counter[str]()
    for collector, family in families():
        series[collector] += len(seen[family.name])
    for name in COLLECTORS:
        of: Mapping[str, str] = {"collector": name}

        def say(what: str, of: Mapping[str, str] = of) -> float:
            value = seen.value(f"flatfile_collector_{what}", **of)
            assert value is not None, what
            return value

        assert say("success") == 1
        assert say("truncated") == 0
        assert say("interval_seconds") == INTERVALS[name]
        assert say("rounds_total") == 1 if name == "guests" else say("rounds_total") > 1
        assert say("series") == series[name], name
        assert began < say("last_attempt_timestamp_seconds") < time.time()
        assert began < say("last_success_timestamp_seconds") < time.time()
        assert 0 < say("duration_seconds") < 10
        failed = {reason: say_failed(seen, name, reason) for reason in REASONS}
        assert failed == dict.fromkeys(REASONS, 0.0), name
    assert len(seen["flatfile_collector_failures_total"]) == len(COLLECTORS) * len(REASONS)


def say_failed(seen: Series, collector: str, reason: str) -> float | None:
    return seen.value("flatfile_collector_failures_total", collector=collector, reason=reason)


def _check_api(
    seen: Series, before: Counter[tuple[str, str, str]], after: Counter[tuple[str, str, str]]
) -> None:
    """Each request that the server saw is counted, and no other."""
    counted = {
        tuple(dict(labels)[k] for k in ("route", "method", "code")): value
        for labels, value in seen["flatfile_api_requests_total"].items()
    }
    assert counted.keys() == before.keys()
    for key, value in counted.items():
        assert before[key[0], key[1], key[2]] <= value <= after[key[0], key[1], key[2]], key
    assert counted["/guests", "GET", "400"] == 1
    histogram = "flatfile_api_request_duration_seconds"
    for labels, value in seen[f"{histogram}_count"].items():
        route = dict(labels)["route"]
        assert value == seen.total("flatfile_api_requests_total", route=route), route
        assert seen.value(f"{histogram}_bucket", route=route, le="+Inf") == value
        assert 0 < (seen.value(f"{histogram}_sum", route=route) or 0) < 60
    assert (
        {k for k, _, _ in counted}
        == {dict(k)["route"] for k in seen[f"{histogram}_count"]}
        == {
            *("/auth", "/accounts/current", "/environments", "/spaces", "/agents"),
            *("/agents/executions", "/users", "/guests", "/events"),
        }
    )
    assert set(seen["flatfile_api_retries_total"].values()) == {0}
    waited = seen.value("flatfile_api_throttled_seconds_total")
    assert waited is not None
    assert waited < 60
    assert seen.value("flatfile_api_budget_requests_per_second") == 1000


def _check_token(seen: Series, began: float) -> None:
    refreshed = seen.value("flatfile_token_last_refresh_timestamp_seconds")
    expiry = seen.value("flatfile_token_expiry_timestamp_seconds")
    assert refreshed is not None
    assert began < refreshed < time.time()
    assert expiry == pytest.approx(refreshed + DAY, abs=5)
    assert seen.value("flatfile_token_refreshes_total") == 1
    assert seen.value("flatfile_token_refresh_failures_total") == 0
    assert seen.value("flatfile_token_valid") == 1


def _check_process(seen: Series, now: Stack) -> None:
    (build,) = seen["flatfile_exporter_build_info"]
    assert dict(build)["version"] == __version__
    assert re.fullmatch(r"3\.\d+\.\S+", dict(build)["python_version"])
    assert seen.value("flatfile_exporter_config_last_reload_successful") == 1
    assert seen.value("flatfile_exporter_state_available") == 1
    for name in ("config_last_reload_success", "loop_heartbeat"):
        at = seen.value(f"flatfile_exporter_{name}_timestamp_seconds")
        assert at is not None
        assert now.began < at < time.time(), name
    assert seen.value("process_resident_memory_bytes") == pytest.approx(
        now.exporter.run.memory(), rel=0.5
    )


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _all(truth: Any) -> list[Any]:
    return list(truth["environments"].values())


def test_promtool_has_nothing_to_say_about_the_page(tmp_path: Path, need: Any) -> None:
    program = need("promtool", HINT)
    with stack(tmp_path, "--collector.spaces.info") as now:
        now.account.do("events", {"count": 50})
        eventually(lambda: now.exporter.series().total("flatfile_agent_executions_total"))
        page = now.exporter.page()
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run(
        [program, "check", "metrics"], input=page.body, capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_name_on_the_page_is_in_the_catalogue_and_so_is_the_whole_contract(
    tmp_path: Path,
) -> None:
    catalogue = {family.name: family for _, family in families()}
    assert CONTRACT.keys() <= catalogue.keys()
    for name, labels in CONTRACT.items():
        assert set(catalogue[name].labels) == set(labels.split()), name
        assert catalogue[name].kind is Kind(KINDS.get(name, "gauge")), name
    with stack(tmp_path) as now:
        text = now.exporter.page().text
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    strangers = named - catalogue.keys()
    assert strangers == set(PROCESS)


def test_an_environment_that_loses_its_agents_has_explicitly_none_from_the_next_round_on(
    tmp_path: Path, need: Any
) -> None:
    program = need("prometheus", HINT)
    with stack(tmp_path) as now, prometheus(program, tmp_path, now.exporter) as server:
        home = now.account.named("production")
        agents = f'flatfile_environment_agents{{environment_id="{home}"}}'
        had = now.account.truth()["environments"][home]["agents"]
        assert had > 0
        eventually(lambda: [v for _, v in server.query(agents)] == [had])

        now.account.do(f"environments/{home}/agents/delete")
        lost = time.time()

        eventually(lambda: [v for _, v in server.query(agents)] == [0], within=5)
        seen = now.exporter.series()
        last = seen.value(
            "flatfile_environment_agent_last_seen_timestamp_seconds", environment_id=home
        )
        assert last is not None
        assert now.began < last < lost + 1
        infos = [dict(k) for k in seen["flatfile_agent_info"] if dict(k)["environment_id"] == home]
        system = now.account.truth()["environments"][home]["system_agent_ids"]
        assert sorted(info["agent_id"] for info in infos) == sorted(system)
        # It is the event of this, too, that alert rules wait for: it rises from 0, not from nothing.
        rise = f'flatfile_events_total{{environment_id="{home}",topic="agent:deleted"}}'
        eventually(lambda: [v for _, v in server.query(rise)] == [had])
        assert server.query(f"increase({rise[:-1]}}}[1m])")[0][1] > 0

        now.account.do(f"environments/{home}/agents/restore")
        eventually(lambda: [v for _, v in server.query(agents)] == [had])


def test_an_environment_that_was_deleted_is_gone_from_every_family_of_the_next_page(
    tmp_path: Path,
) -> None:
    with stack(tmp_path, "--collector.spaces.info") as now:
        home = now.account.named("production")
        now.account.do("events", {"count": 60})
        all_of_it = {name for name in CONTRACT if "environment_id" in CONTRACT[name]}
        eventually(lambda: set(now.exporter.series().mentioning(home)) == all_of_it)

        now.account.do(f"environments/{home}/delete")

        gone = eventually(lambda: _without(now.exporter, home), within=5)
        assert gone.value("flatfile_environments") == 4
        rounds = gone.value("flatfile_collector_rounds_total", collector="events") or 0
        # Nor does it come back with the rounds that follow.
        eventually(lambda: _rounds(now.exporter, "events") > rounds + 1)
        assert now.exporter.series().mentioning(home) == []
        assert now.exporter.series().total("flatfile_collector_failures_total") == 0


def _without(daemon: Exporter, home: str) -> Series | None:
    """A page on which the environment is not listed any more, and then nothing else of it."""
    seen = daemon.series()
    if seen.value("flatfile_environments") != 4:
        return None
    left = seen.mentioning(home)
    if left:
        raise AssertionFailedForGood(f"half of it is still there: {left}")
    return seen


class AssertionFailedForGood(Exception):
    """Not to be waited for: it must never be so, not even for a moment."""


def _rounds(daemon: Exporter, collector: str) -> float:
    return daemon.series().value("flatfile_collector_rounds_total", collector=collector) or 0
