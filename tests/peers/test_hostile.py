"""The server answers with something that no API should, on one route only."""

from pathlib import Path
from typing import Any

import pytest

from exporter.errors import REASONS
from tests.support.processes import (
    Account,
    Exporter,
    account,
    ask,
    eventually,
    exporter,
    quick,
    spotless,
)

pytestmark = pytest.mark.peers
MIB = 1024 * 1024
GROWTH = 60 * MIB
"""Resident memory that all bad answers together may cost, whatever they hold."""

ROUTES = {"users": "/users", "spaces": "/spaces", "events": "/events"}
"""By the collector that asks there, and that nothing else depends on."""

TIMEOUT, MALFORMED, LARGE = {"timeout"}, {"malformed"}, {"too_large", "timeout"}
Bad = tuple[dict[str, Any], set[str]]
BAD: tuple[tuple[Bad, ...], ...] = (  # on the users, the Spaces, the events, at the same time
    (
        ({"kind": "status", "status": 404}, {"not_found"}),
        ({"kind": "html"}, MALFORMED),
        ({"kind": "empty"}, MALFORMED),
    ),
    (
        ({"kind": "status", "status": 418}, {"bad_request"}),
        ({"kind": "cut_json"}, MALFORMED),
        ({"kind": "not_utf8"}, MALFORMED),
    ),
    (
        ({"kind": "deep_json"}, MALFORMED),
        ({"kind": "wrong_data"}, MALFORMED),
        ({"kind": "wrong_types"}, MALFORMED),
    ),
    (
        ({"kind": "nulls"}, MALFORMED),
        ({"kind": "missing_fields"}, MALFORMED),
        ({"kind": "redirect"}, {"redirected"}),
    ),
    (
        ({"kind": "huge", "megabytes": 100}, LARGE),
        ({"kind": "endless"}, LARGE),
        ({"kind": "drip", "delay": 0.1}, TIMEOUT),
    ),
    (
        ({"kind": "hang"}, TIMEOUT),
        ({"kind": "disconnect", "cut": "body"}, {"unreachable"}),
        ({"kind": "status", "status": 500}, {"server_error"}),
    ),
)


def test_a_bad_answer_fails_one_collector_with_a_known_reason_and_is_got_over(
    tmp_path: Path,
) -> None:
    flags = (*quick("agents", "environments", *ROUTES), "--api.timeout=500ms")
    with (
        account(tmp_path) as emulated,
        # Guests ask for the Spaces, too.
        exporter(tmp_path, emulated, *flags, "--no-collector.guests") as daemon,
    ):
        emulated.do("events", {"count": 20})
        eventually(lambda: all(_success(daemon, name) for name in ("agents", *ROUTES)))
        before = daemon.run.memory()
        for bad in BAD:
            _play(emulated, daemon, bad)
        assert daemon.run.memory() - before < GROWTH
        log = daemon.run.stderr
        spotless(log, daemon.page().text, ask(f"{daemon.url}/").text)
        # A transition is worth a line; that it is still so is not.
        for name in ROUTES:
            for what in ("failing", "recovered"):
                assert log.count(f"msg=collector_{what} collector={name}") == len(BAD), log
        assert "exception=" not in log
        assert "level=error" not in log


def _play(emulated: Account, daemon: Exporter, bad: tuple[Bad, ...]) -> None:
    """Bad answers until each has failed a round; then none until each round succeeds."""
    before, failed = daemon.series(), _failures(daemon)
    faults = [{**f, "route": r} for (f, _), r in zip(bad, ROUTES.values(), strict=True)]
    emulated.do("faults", faults)
    eventually(lambda: all(_failures(daemon)[name] != failed[name] for name in ROUTES))
    page, agents = ask(f"{daemon.url}/").text, _success(daemon, "agents")
    eventually(lambda: _success(daemon, "agents") > agents)
    assert ask(f"{daemon.url}/-/ready").status == ask(f"{daemon.url}/-/healthy").status == 200
    seen, now = daemon.series(), _failures(daemon)
    emulated.do("faults", method="DELETE")

    for name, (fault, reasons) in zip(ROUTES, bad, strict=True):
        assert {r for r in REASONS if now[name][r] > failed[name][r]} <= reasons, (name, fault)
    for family in ("flatfile_users", "flatfile_environment_spaces", "flatfile_events_total"):
        assert seen[family] == before[family], f"the last good value of {family} stays"
    unwell = {dict(k)["collector"] for k, v in seen["flatfile_collector_success"].items() if not v}
    assert unwell <= ROUTES.keys(), unwell
    spotless(page)
    eventually(lambda: set(daemon.series()["flatfile_collector_success"].values()) == {1})


def _failures(daemon: Exporter) -> dict[str, dict[str, float]]:
    """By collector and reason."""
    name, seen = "flatfile_collector_failures_total", daemon.series()
    counts = {
        of: {r: seen.value(name, collector=of, reason=r) or 0.0 for r in REASONS} for of in ROUTES
    }
    for of, by_reason in counts.items():
        assert seen.total(name, collector=of) == sum(by_reason.values()), "a reason of no set"
    return counts


def _success(daemon: Exporter, collector: str) -> float:
    """When it last succeeded; 0 if it never did."""
    name = "flatfile_collector_last_success_timestamp_seconds"
    return daemon.series().value(name, collector=collector) or 0.0


@pytest.mark.parametrize("kind", ["hang", "wrong_types"])
def test_without_a_single_good_answer_it_lives_is_not_ready_and_shows_nothing_of_the_account(
    tmp_path: Path, kind: str
) -> None:
    with account(tmp_path) as emulated:
        emulated.do("faults", [{"kind": kind, "route": "*"}])
        flags = (*quick("environments", "agents"), "--api.timeout=300ms")
        with exporter(tmp_path, emulated, *flags) as daemon:
            failed = "flatfile_token_refresh_failures_total"
            eventually(lambda: daemon.series().value(failed))
            eventually(lambda: daemon.series().total("flatfile_collector_failures_total"))
            seen = daemon.series()
            assert seen.value("flatfile_up") == 0
            assert seen["flatfile_environments"] == {}
            assert seen["flatfile_environment_agents"] == {}
            ready = ask(f"{daemon.url}/-/ready")
            assert (ready.status, ask(f"{daemon.url}/-/healthy").status) == (503, 200)
            assert "environments" in ready.text

            emulated.do("faults", method="DELETE")
            # It had made its pauses longer and longer meanwhile.
            eventually(lambda: daemon.series().value("flatfile_environments") == 5, within=45)
            spotless(daemon.run.stderr, daemon.page().text)


def test_unknown_topics_enums_and_missing_options_are_no_failures(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        emulated.do("quirks", {"optional_as_null": True, "expires_form": "garbage"})
        emulated.do("events", {"count": 9, "topic": "workspace:synced"})
        with exporter(tmp_path, emulated, *quick("environments")) as daemon:
            eventually(lambda: daemon.series().total("flatfile_events_total", topic="other") == 9)
            eventually(lambda: len(daemon.series()["flatfile_collector_success"]) == 6)
            assert set(daemon.series()["flatfile_collector_success"].values()) == {1}


def test_a_slow_answer_to_an_older_question_does_not_make_a_refused_credential_look_well(
    tmp_path: Path,
) -> None:
    with account(tmp_path) as emulated:
        emulated.do("faults", [{"kind": "latency", "route": "/users", "delay": 1.5}])
        with exporter(tmp_path, emulated, *quick("users", "agents")) as daemon:
            eventually(lambda: _success(daemon, "users"))
            asked = len(_of_users(emulated))
            eventually(lambda: len(_of_users(emulated)) > asked)  # its answer takes a while
            emulated.do("credentials", {"refused": True})
            emulated.do("tokens/revoke")
            eventually(lambda: daemon.series().value("flatfile_token_valid") == 0, within=1.0)
            name, late = "flatfile_api_requests_total", len(_of_users(emulated))
            eventually(lambda: daemon.series().total(name, route="/users") == late, within=3.0)
            assert daemon.series().value("flatfile_up") == 0


def _of_users(emulated: Account) -> list[Any]:
    return [r for r in emulated.requests() if r["path"] == "/users"]
