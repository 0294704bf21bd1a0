"""Generated from the catalogue: a new setting is tested without a new test."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings import SETTINGS, Setting, Settings, load
from exporter.settings.catalogue import SPELLINGS, VARIABLES

ANOTHER = {
    "api.url": "http://127.0.0.1:8080/base/",
    "api.region": "eu",
    "api.timeout": "7s",
    "api.concurrency": "3",
    "api.requests-per-second": "2.5",
    "api.page-size": "11",
    "auth.client-id": "an-id",
    "auth.client-secret": "canary-secret",
    "auth.token": "canary-token",
    "web.listen-address": "127.0.0.1:1",
    "web.telemetry-path": "/other",
    "web.config.file": __file__,
    "web.max-requests": "7",
    "log.level": "debug",
    "log.format": "json",
    "storage.path": "none",
    "collector.spaces.info-limit": "9",
    "collector.retain": "42m",
    "filter.environments.include": "^prod{1,2},?",
    "filter.environments.exclude": "dev|test",
    "events.window": "3h",
    "events.overlap": "9s",
    "events.watch-interval": "7s",
    "maintenance.windows": "staging 2026-11-22T12:00:00Z",
    "maintenance.file": "windows.txt",
    "audit.path": "elsewhere",
    "audit.start": "2d",
    "audit.overlap": "9m",
    "audit.settle": "3s",
    "audit.personal-data": "pseudonymous",
    "audit.payload-fields": "fileName,recordIds",
    "audit.retention": "400d",
    "audit.checkpoint-records": "7",
    "audit.checkpoint-interval": "9m",
    "audit.backlog-limit": "3MiB",
    "audit.backlog-policy": "skip",
    "audit.sink.file.path": "elsewhere.jsonl",
    "audit.sink.file.max-size": "2GiB",
    "audit.sink.file.max-age": "2h",
    "audit.sink.file.keep": "0",
    "audit.sink.file.format": "ocsf",
    "audit.sink.stdout.format": "ecs",
    "audit.sink.postgresql.dsn": "postgresql://canary@127.0.0.1/db",
    "audit.sink.postgresql.table": "audit.events",
    "audit.sink.loki.url": "http://127.0.0.1:3100",
    "audit.sink.loki.tenant": "one",
    "audit.sink.loki.labels": "team=imports,stage=two",
    "audit.sink.loki.max-age": "40d",
    "audit.sink.loki.username": "somebody",
    "audit.sink.loki.password": "canary-password",
    "audit.sink.loki.format": "ocsf",
    "audit.sink.otlp.url": "http://127.0.0.1:4318",
    "audit.sink.otlp.headers": "api-key=canary",
    "audit.sink.otlp.format": "ecs",
    "shard": "2/3",
}
FILES = {s.name for s in SETTINGS if s.name.endswith("-file")}
PAIRED = {"auth.client-id": "auth.client-secret", "auth.client-secret": "auth.client-id"}


def other_than_default(setting: Setting, folder: Path) -> str:
    if setting.switch:
        return "false" if setting.default else "true"
    if setting.name.endswith(".interval"):
        return "77s"
    if setting.name in FILES:
        path = folder / "value"
        path.write_text("canary-file\n")
        return str(path)
    return ANOTHER[setting.name]


def companions(setting: Setting) -> dict[str, str]:
    """Give the other half of the pair, so that one half can be tested."""
    other = PAIRED.get(setting.name.removesuffix("-file"))
    return {setting_named(other).environment_variable: "half"} if other else {}


def setting_named(name: str) -> Setting:
    return next(s for s in SETTINGS if s.name == name)


def nested(name: str, value: str) -> str:
    tree: Any = value
    for key in reversed(name.split(".")):
        tree = {key: tree}
    return yaml.safe_dump(tree)


def flag_for(setting: Setting, value: str) -> list[str]:
    if setting.switch:
        return [setting.flag if value == "true" else f"--no-{setting.name}"]
    return [f"{setting.flag}={value}"]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_the_spellings_of_a_setting_agree(setting: Setting, tmp_path: Path) -> None:
    value, environ = other_than_default(setting, tmp_path), companions(setting)
    file, dotted = tmp_path / "nested.yaml", tmp_path / "dotted.yaml"
    file.write_text(nested(setting.name, value))
    dotted.write_text(yaml.safe_dump({setting.name: value}))
    from_environment = load([], {setting.environment_variable: value, **environ})
    from_file = load([f"--config.file={file}"], environ)
    from_dotted = load([], {"FLATFILE_EXPORTER_CONFIG_FILE": str(dotted), **environ})
    assert from_environment.settings == from_file.settings == from_dotted.settings
    assert setting.value(from_environment.settings) != setting.default
    assert from_environment.origins[setting.name] == (
        f"environment variable {setting.environment_variable}"
    )
    assert from_file.origins[setting.name].startswith(f"file {file}, line ")
    if not setting.secret:
        flag = flag_for(setting, value)
        from_flag = load(flag, environ)
        assert from_flag.settings == from_environment.settings
        assert from_flag.origins[setting.name] == f"flag {flag[0].partition('=')[0]}"


@pytest.mark.parametrize("setting", [s for s in SETTINGS if not s.secret], ids=lambda s: s.name)
def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    setting: Setting, tmp_path: Path
) -> None:
    value, environ = other_than_default(setting, tmp_path), companions(setting)
    default = "false" if setting.switch and value == "true" else setting.default_text or value
    file = tmp_path / "flatfile.yaml"
    file.write_text(nested(setting.name, default))
    config = f"--config.file={file}"
    assert load([config], environ).origins[setting.name].startswith("file ")
    loaded = load([config], {setting.environment_variable: value, **environ})
    assert loaded.origins[setting.name].startswith("environment ")
    assert loaded.settings == load([], {setting.environment_variable: value, **environ}).settings
    loaded = load(
        [config, *flag_for(setting, value)], {setting.environment_variable: default, **environ}
    )
    assert loaded.origins[setting.name].startswith("flag ")
    assert loaded.settings == load(flag_for(setting, value), environ).settings


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.switch], ids=lambda s: s.name)
def test_a_switch_has_a_second_name_that_turns_it_around(setting: Setting, tmp_path: Path) -> None:
    variable = setting.environment_variable.replace("EXPORTER_", "EXPORTER_NO_", 1)
    file = tmp_path / "flatfile.yaml"
    file.write_text(nested(f"no-{setting.name}", "true"))
    for loaded in (
        load([f"--no-{setting.name}"], {setting.environment_variable: "true"}),
        load([], {variable: "true"}),
        load([f"--config.file={file}"], {}),
    ):
        assert setting.value(loaded.settings) is False
    assert setting.value(load([], {variable: "false"}).settings) is True


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_every_setting_is_documented_and_its_default_is_possible(setting: Setting) -> None:
    assert setting.help.endswith(".")
    assert "  " not in setting.help
    if setting.default_text:
        read = setting.kind.read(setting.default_text)
        assert read == setting.default
        assert setting.text(Settings()) == setting.default_text


def test_no_two_names_share_an_environment_variable() -> None:
    assert len(VARIABLES) == len(SPELLINGS) + 1


def test_the_defaults_of_the_contract() -> None:
    texts = {s.name: s.default_text for s in SETTINGS}
    assert texts["api.url"] == "https://platform.flatfile.com/api/v1"
    assert texts["web.listen-address"] == ":10042"
    assert texts["storage.path"] == "data/"
    intervals = [n for n in texts if n.startswith("collector.") and n.endswith(".interval")]
    assert {name.split(".")[1]: texts[name] for name in intervals} == {
        "environments": "1m",
        "agents": "1m",
        "spaces": "5m",
        "users": "5m",
        "guests": "1h",
        "events": "30s",
        "executions": "1m",
    }
    off = {s.name for s in SETTINGS if s.switch and not s.default}
    sinks = {f"audit.sink.{name}" for name in ("file", "stdout", "postgresql", "loki", "otlp")}
    own = {"collector.executions", "collector.spaces.info", "audit", "web.systemd-socket"}
    assert off == own | sinks


def test_settings_alone_are_the_defaults_whatever_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API", '{"page_size": "7"}')
    monkeypatch.setenv("FLATFILE_EXPORTER_API_PAGE_SIZE", "7")
    assert Settings() == load([], {}).settings
    assert isinstance(Settings().api.page_size, int)


def test_the_help_of_every_flag_names_its_default_and_its_variable() -> None:
    from exporter.settings import add_flags

    parser = argparse.ArgumentParser()
    add_flags(parser)
    text = " ".join(parser.format_help().split())
    for setting in SETTINGS:
        assert (f" {setting.flag}" in text) is not setting.secret or setting.secret
        if not setting.secret:
            assert f"[{setting.environment_variable}]" in text
            assert f"Default: {setting.default_text}." in text or not setting.default_text
    assert "--auth.token " not in text
