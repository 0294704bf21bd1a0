"""A running daemon, and its configuration, its secret or its disk changing under it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.emulator.credentials import CLIENT_ID, SECRET
from tests.support.processes import (
    CREDENTIAL,
    Account,
    Exporter,
    Reply,
    Series,
    account,
    ask,
    eventually,
    exporter,
    quick,
    spotless,
)

GOOD = "collector: {agents: {interval: 7s}, users: {interval: 3s}}\n"
CHANGED = "collector: {agents: {interval: 1s}, users: {interval: 4s}}\n"
BAD = "collector:\n  agents: {interval: never}\n  users: {intervall: 4s}\n"


@contextmanager
def configured(folder: Path, *flags: str) -> Iterator[tuple[Account, Exporter, Path]]:
    """A daemon with a file, that has seen everything once."""
    file = folder / "exporter.yaml"
    file.write_text(GOOD, encoding="utf-8")
    with (
        account(folder) as emulated,
        exporter(folder, emulated, f"--config.file={file}", *flags) as daemon,
    ):
        emulated.do("events", {"count": 30})
        eventually(lambda: len(daemon.series()["flatfile_collector_success"]) == 6)
        yield emulated, daemon, file


def interval(seen: Series, collector: str) -> float | None:
    return seen.value("flatfile_collector_interval_seconds", collector=collector)


def successful(daemon: Exporter) -> float | None:
    return daemon.series().value("flatfile_exporter_config_last_reload_successful")


def by_hand(daemon: Exporter) -> None:
    assert post(daemon).status == 200


def by_signal(daemon: Exporter) -> None:
    reloads = daemon.run.stderr.count("msg=reloaded")
    daemon.run.signal(signal.SIGHUP)
    eventually(lambda: daemon.run.stderr.count("msg=reloaded") > reloads)


def post(daemon: Exporter) -> Reply:
    return ask(f"{daemon.url}/-/reload", "POST")


@pytest.mark.parametrize("reload", [by_hand, by_signal])
def test_a_reload_brings_new_intervals_and_drops_neither_a_series_nor_the_token(
    tmp_path: Path, reload: Callable[[Exporter], None]
) -> None:
    with configured(tmp_path) as (emulated, daemon, file):
        before = daemon.series()
        assert (interval(before, "agents"), interval(before, "users")) == (7, 3)

        file.write_text(CHANGED, encoding="utf-8")
        reload(daemon)

        after = daemon.series()
        assert (interval(after, "agents"), interval(after, "users")) == (1, 4)
        for name, family in before.values.items():
            assert family.keys() <= after[name].keys(), name
        for name, family in before.values.items():
            if name.endswith("_total"):
                assert all(after[name][labels] >= n for labels, n in family.items()), name
        stamp = "flatfile_exporter_config_last_reload_success_timestamp_seconds"
        assert (after.value(stamp) or 0) > (before.value(stamp) or 0)

        def rounds() -> float:
            page = daemon.series()
            return page.value("flatfile_collector_rounds_total", collector="agents") or 0

        # The new interval is in use: two more rounds in less than one of the old.
        done = rounds()
        eventually(lambda: rounds() >= done + 2, within=6.5)
        assert emulated.truth()["tokens_minted"] == 1
        spotless(daemon.run.stderr)


def test_a_bad_file_changes_nothing_and_is_told_until_it_is_repaired(tmp_path: Path) -> None:
    with configured(tmp_path) as (emulated, daemon, file):
        before = daemon.series()
        file.write_text(BAD, encoding="utf-8")

        refused = post(daemon)

        assert refused.status == 500
        assert f"collector.agents.interval (file {file}, line 2)" in refused.text
        assert f"collector.users.intervall (file {file}, line 3)" in refused.text
        assert successful(daemon) == 0
        after = daemon.series()
        assert interval(after, "agents") == interval(before, "agents") == 7
        stamp = "flatfile_exporter_config_last_reload_success_timestamp_seconds"
        assert after.value(stamp) == before.value(stamp)
        assert "msg=reload_failed" in daemon.run.stderr
        assert ask(f"{daemon.url}/-/ready").status == 200
        daemon.run.signal(signal.SIGHUP)
        eventually(lambda: daemon.run.stderr.count("msg=reload_failed") == 2)
        assert daemon.run.alive

        file.write_text(CHANGED, encoding="utf-8")
        assert post(daemon).status == 200
        assert successful(daemon) == 1
        assert interval(daemon.series(), "agents") == 1
        assert emulated.truth()["tokens_minted"] == 1


def test_a_reload_is_only_posted_and_never_by_a_browser(tmp_path: Path) -> None:
    with configured(tmp_path) as (_, daemon, _file):
        assert ask(f"{daemon.url}/-/reload").status == 405
        page = {"origin": "http://elsewhere.example"}
        assert ask(f"{daemon.url}/-/reload", "POST", headers=page).status == 403
        assert "msg=reloaded" not in daemon.run.stderr


def test_a_collector_that_a_reload_switches_off_is_gone_and_comes_back_when_on(
    tmp_path: Path,
) -> None:
    with configured(tmp_path) as (_, daemon, file):
        file.write_text("collector: {users: false}\n", encoding="utf-8")
        assert post(daemon).status == 200
        seen = daemon.series()
        assert seen.mentioning("users") == []
        assert seen["flatfile_users"] == {}
        assert seen.value("flatfile_environments") == 5
        file.write_text(GOOD, encoding="utf-8")
        assert post(daemon).status == 200
        eventually(lambda: daemon.series().value("flatfile_users") == 30)


def test_a_secret_that_is_replaced_on_the_disk_is_used_without_a_restart(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    env = {
        "FLATFILE_EXPORTER_AUTH_CLIENT_ID": CLIENT_ID,
        "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET_FILE": str(secret),
    }
    with (
        account(tmp_path) as emulated,
        exporter(tmp_path, emulated, *quick("environments", "agents"), env=env) as daemon,
    ):
        eventually(lambda: daemon.series().value("flatfile_environments"))
        rotated = f"{SECRET}-rotated"
        emulated.do("credentials", {"secret": rotated})
        emulated.do("tokens/revoke")
        eventually(lambda: daemon.series().value("flatfile_token_valid") == 0)
        eventually(lambda: daemon.series().value("flatfile_up") == 0)
        assert daemon.series().value("flatfile_environments") == 5, "the last good value stays"

        new = tmp_path / "new"
        new.write_text(f"{rotated}\n", encoding="utf-8")
        new.replace(secret)

        eventually(lambda: daemon.series().value("flatfile_token_valid") == 1)
        eventually(lambda: daemon.series().value("flatfile_up") == 1)
        eventually(
            lambda: daemon.series().value("flatfile_collector_success", collector="agents") == 1
        )
        assert daemon.series().value("flatfile_token_refreshes_total") == 2
        spotless(daemon.run.stderr, daemon.page().text, ask(f"{daemon.url}/").text)


def test_a_state_that_is_damaged_is_set_aside_said_and_started_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "state.db").write_bytes(b"this was a data base once " * 1000)
    damaged = (data / "state.db").read_bytes()
    flags = quick("environments", "agents", "events")
    with account(tmp_path) as emulated, exporter(tmp_path, emulated, *flags) as daemon:
        emulated.do("events", {"count": 30})
        daemon.run.said("msg=state_set_aside")
        daemon.run.said("msg=state_unavailable.*damaged")
        eventually(lambda: daemon.series().total("flatfile_events_total") == 30)
        eventually(lambda: daemon.series().value("flatfile_exporter_state_available") == 1)
        (aside,) = data.glob("state.db.damaged-*")
        assert aside.read_bytes() == damaged
        assert "level=error" in daemon.run.stderr


def test_without_a_state_it_says_so_and_shows_what_needs_none(tmp_path: Path) -> None:
    """A folder stands where the file should be: that stops root as well."""
    blocked = tmp_path / "data" / "state.db"
    blocked.mkdir(parents=True)
    flags = quick("environments", "agents", "events")
    with account(tmp_path) as emulated, exporter(tmp_path, emulated, *flags) as daemon:
        emulated.do("events", {"count": 30})
        daemon.run.said("msg=state_unavailable.*storage.path")

        def failed() -> float | None:
            name = "flatfile_collector_failures_total"
            return daemon.series().value(name, collector="events", reason="storage")

        eventually(lambda: (failed() or 0) > 1)
        eventually(lambda: daemon.series().value("flatfile_collector_success", collector="guests"))
        seen = daemon.series()
        home = emulated.named("production")
        assert (seen.value("flatfile_environment_agents", environment_id=home) or 0) > 0
        assert seen["flatfile_environment_agent_last_seen_timestamp_seconds"]
        assert seen["flatfile_events_total"] == {}
        assert seen.value("flatfile_exporter_state_available") == 0
        assert ask(f"{daemon.url}/-/ready").status == 200
        assert daemon.run.stderr.count("msg=state_unavailable") == 1

        blocked.rmdir()
        eventually(lambda: daemon.series().total("flatfile_events_total") == 30)
        daemon.run.said("msg=state_recovered")
        assert daemon.series().value("flatfile_exporter_state_available") == 1


def test_with_no_storage_path_nothing_is_written_and_everything_is_shown(tmp_path: Path) -> None:
    flags = (*quick("environments", "events"), "--storage.path=none")
    with account(tmp_path) as emulated, exporter(tmp_path, emulated, *flags) as daemon:
        emulated.do("events", {"count": 30})
        eventually(lambda: daemon.series().total("flatfile_events_total") == 30)
        assert not list(tmp_path.rglob("state.db*"))


def test_a_credential_that_is_refused_is_said_once_and_not_tried_in_a_busy_loop(
    tmp_path: Path,
) -> None:
    with account(tmp_path) as emulated:
        emulated.do("credentials", {"refused": True})
        with exporter(tmp_path, emulated, *quick(), env=CREDENTIAL) as daemon:
            name = "flatfile_collector_failures_total"

            def rounds(least: float) -> bool:
                seen = daemon.series()
                return (seen.value(name, collector="agents", reason="unauthorized") or 0) >= least

            eventually(lambda: rounds(4))
            seen = daemon.series()
            assert (seen.value("flatfile_up"), seen.value("flatfile_token_valid")) == (0, 0)
            logins = [r for r in emulated.requests() if r["path"] == "/auth"]
            assert 1 <= len(logins) <= 3
            assert len(logins) == len(emulated.requests()), "nothing is asked without a token"
            said = [line for line in daemon.run.stderr.splitlines() if "credential" in line]
            assert len([line for line in said if "collector=" not in line]) == 1, said
            spotless(daemon.run.stderr)
