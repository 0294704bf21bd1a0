"""What the values mean to the rest of the program."""

import argparse

import pytest
from pydantic import ValidationError

from exporter.settings import (
    SETTINGS,
    Settings,
    add_flags,
    from_namespace,
    load,
    resolve,
    restart_needed,
    settings_table,
)


@pytest.mark.parametrize(
    ("interval", "seconds"), [(30.0, 600.0), (200.0, 600.0), (300.0, 900.0), (3600.0, 10_800.0)]
)
def test_a_good_value_is_kept_three_intervals_and_at_least_ten_minutes(
    interval: float, seconds: float
) -> None:
    assert Settings().collector.retention(interval) == seconds


def test_a_retention_that_is_set_holds_but_never_less_than_two_intervals() -> None:
    collector = load(["--collector.retain=1m"], {}).settings.collector
    assert collector.retention(10.0) == 60.0
    assert collector.retention(3600.0) == 7200.0


@pytest.mark.parametrize(
    ("flags", "admitted"),
    [
        ([], {"us_env_1", "us_env_2", "us_env_3"}),
        (["--filter.environments.include=prod"], {"us_env_1", "us_env_3"}),
        (["--filter.environments.include=^production$"], {"us_env_1"}),
        (["--filter.environments.include=env_2$"], {"us_env_2"}),
        (["--filter.environments.exclude=pre"], {"us_env_1", "us_env_2"}),
        (["--filter.environments.include=prod", "--filter.environments.exclude=_3"], {"us_env_1"}),
        (
            ["--filter.environments.include=_1", "--filter.environments.include=dev"],
            {"us_env_1", "us_env_2"},
        ),
    ],
)
def test_the_filter_admits_by_name_or_id(flags: list[str], admitted: set[str]) -> None:
    environments = load(flags, {}).settings.filter.environments
    world = {"us_env_1": "production", "us_env_2": "dev", "us_env_3": "preprod"}
    assert {key for key, name in world.items() if environments.admits(key, name)} == admitted


@pytest.mark.parametrize("region", ["us", "uk", "eu", "au", "ca"])
def test_a_region_gives_the_url(region: str) -> None:
    host = "platform.flatfile.com" if region == "us" else f"platform.{region}.flatfile.com"
    assert load([f"--api.region={region}"], {}).settings.api.url == f"https://{host}/api/v1"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("https://h/api/", "https://h/api/v1"),
        ("https://h/api/v1", "https://h/api/v1"),
        ("https://h/api/v1///", "https://h/api/v1"),
        ("https://[::1]:8/", "https://[::1]:8/v1"),
    ],
)
def test_the_url_ends_in_v1(written: str, url: str) -> None:
    assert load([f"--api.url={written}"], {}).settings.api.url == url


def test_every_collector_can_be_had_by_its_name() -> None:
    collectors = Settings().collector.by_name()
    assert list(collectors) == [
        "environments", "agents", "spaces", "users", "guests", "events", "executions",
    ]  # fmt: skip
    assert [name for name, c in collectors.items() if not c.enabled] == ["executions"]


def test_only_what_a_running_server_stands_on_needs_a_restart() -> None:
    old = Settings()
    assert (
        restart_needed(old, load(["--log.level=debug", "--no-collector.users"], {}).settings) == ()
    )
    moved = ["--storage.path=none", "--web.listen-address=:1", "--web.telemetry-path=/m"]
    assert restart_needed(old, load(moved, {}).settings) == (
        "web.listen-address",
        "web.telemetry-path",
        "storage.path",
    )


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.api = settings.api  # type: ignore[misc] # what is frozen is the point
    with pytest.raises(ValidationError):
        settings.api.timeout = 1.0  # type: ignore[misc] # what is frozen is the point


def test_a_parser_of_the_command_line_hands_its_flags_over() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--format")
    add_flags(parser)
    argv = ["--format=csv", "--no-collector.agents", "--log.level=debug", "--web.listen-address=:1"]
    flags = from_namespace(parser.parse_args(argv))
    assert flags == {
        "collector.agents": "false",
        "log.level": "debug",
        "web.listen-address": (":1",),
    }
    assert resolve(flags, {}).settings == load(argv[1:], {}).settings


def test_the_table_has_a_row_for_every_setting() -> None:
    rows = settings_table().splitlines()
    assert len(rows) == 2 + 1 + len(SETTINGS)
    for setting in SETTINGS:
        assert any(row.startswith(f"| `{setting.name}`") for row in rows)
    assert all(row.replace("\\|", "").count("|") == 4 for row in rows)
