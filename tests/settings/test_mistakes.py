import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigurationError
from exporter.settings import SETTINGS, Setting, load

CANARY = "canary-7f3a-hidden"
PREFIX = "FLATFILE_EXPORTER_"


def lines(argv: list[str], **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(argv, {PREFIX + name: value for name, value in environ.items()})
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return [str(mistake) for mistake in caught.value.mistakes]


def mistakes(argv: list[str], environ: dict[str, str]) -> list[str]:
    try:
        load(argv, environ)
    except ConfigurationError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--api.url=ftp://host", "not a URL of http or https"),
        ("--api.url=https://", "not a URL"),
        ("--api.url=https://[bad", "not a URL"),
        ("--api.url=https://h:99999", "not a URL"),
        (f"--api.url=https://user:{CANARY}@host", "holds a user name or password"),
        (f"--api.url=https://host/?token={CANARY}", "holds a query"),
        ("--api.region=mars", "not one of us, uk, eu, au, ca"),
        ("--api.timeout=0s", "not a duration from 100ms"),
        ("--api.timeout=30", "30 has no unit; write 30s"),
        ("--api.concurrency=0", "not a whole number from 1 to 256"),
        ("--api.concurrency=1.5", "not a whole number"),
        ("--api.page-size=1001", "from 1 to 1000"),
        ("--api.requests-per-second=nan", "not a number from 0.1 to 1000"),
        ("--api.ca-file=/nonexistent/ca.pem", "there is no readable file '/nonexistent/ca.pem'"),
        ("--auth.token-file=/etc/nonexistent/token", "there is no file /etc/nonexistent/token"),
        (f"--auth.token-file={CANARY}", "or the secret itself to the setting without -file"),
        (f"--auth.token-file=/{CANARY}=", "or the secret itself to the setting without -file"),
        (f"--auth.token-file=/no/{CANARY}==", "or the secret itself to the setting without"),
        (f"--auth.token-file={CANARY * 500}", "or the secret itself to the setting without -file"),
        ("--web.listen-address=10042", "write host:port"),
        ("--web.listen-address=:1,:1", "names :1 more than once"),
        ("--web.telemetry-path=metrics", "not a path such as /metrics"),
        ("--web.telemetry-path=/", "not a path such as /metrics"),
        ("--web.telemetry-path=/-/ready", "taken by the server itself"),
        ("--web.telemetry-path=/healthz", "taken by the server itself"),
        ("--web.telemetry-path=/a?b", "not a path"),
        ("--web.config.file=/nonexistent", "there is no readable file"),
        ("--web.max-requests=-1", "not a whole number from 0 to 10000"),
        ("--log.level=loud", "one of debug, info, warning, error"),
        ("--log.format=xml", "one of logfmt, json, console"),
        (f"--storage.path={__file__}", "is a file"),
        ("--collector.agents.interval=999ms", "from 1s to 7d"),
        ("--filter.environments.include=(", "not a regular expression"),
        ("--log.level=", "is empty"),
        ("--config.file=", "is empty"),
        ("--config.file=/nonexistent.yaml", "cannot read /nonexistent.yaml: No such file"),
        (f"--config.file={Path(__file__).parent}", "Is a directory"),
        ("--log.levle=info", "is unknown; did you mean --log.level?"),
        ("--shard=3/3", "not a shard such as 0/3"),
        ("--shard=0/0", "not a shard such as 0/3"),
        ("--shard=-1/3", "not a shard such as 0/3"),
        ("--shard=1", "not a shard such as 0/3"),
        ("--shard=1/2/3", "not a shard such as 0/3"),
        ("--shard=a/b", "not a shard such as 0/3"),
        ("--zzz", "is unknown; remove it"),
        ("--api.regio=eu", "is unknown; did you mean --api.region?"),
        ("--log.level", "expected one argument"),
    ],
)
def test_a_wrong_flag_is_one_line_with_its_name_and_origin(flag: str, says: str) -> None:
    (line,) = lines([flag])
    name = flag.partition("=")[0]
    assert says in line
    assert f"{name.lstrip('-')} (flag {name}): " in line


def test_all_mistakes_of_all_sources_come_at_once(tmp_path: Path) -> None:
    file = tmp_path / "flatfile.yaml"
    file.write_text("log:\n  level: loud\n  colour: red\nevents: {window: 60}\n")
    found = lines(
        ["--api.timeout=never", "--nope=1", f"--config.file={file}"],
        API_PAGE_SIZE="0",
        API_PAGE_SIZES="3",
        AUTH_CLIENT_ID="an-id",
    )
    assert [line.partition("): ")[0] for line in found] == [
        "nope (flag --nope",
        "FLATFILE_EXPORTER_API_PAGE_SIZES (environment variable FLATFILE_EXPORTER_API_PAGE_SIZES",
        f"log.colour (file {file}, line 3",
        "auth.client-id (environment variable FLATFILE_EXPORTER_AUTH_CLIENT_ID",
        "api.timeout (flag --api.timeout",
        "api.page_size".replace("_", "-")
        + " (environment variable FLATFILE_EXPORTER_API_PAGE_SIZE",
        f"log.level (file {file}, line 2",
        f"events.window (file {file}, line 4",
    ]
    assert "did you mean FLATFILE_EXPORTER_API_PAGE_SIZE?" in found[1]


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.secret], ids=lambda s: s.name)
@pytest.mark.parametrize("form", ["joined", "apart", "alone"])
def test_a_secret_as_a_flag_is_refused_and_not_repeated(setting: Setting, form: str) -> None:
    flag = setting.flag
    argv = {"joined": [f"{flag}={CANARY}"], "apart": [flag, CANARY], "alone": [flag]}[form]
    (line,) = lines(argv)
    variable = setting.environment_variable
    assert f"set the environment variable {variable}" in line
    assert f"{flag}-file or {variable}_FILE" in line


def test_an_unknown_flag_does_not_repeat_its_value() -> None:
    assert len(lines(["--auth.secret", CANARY, f"--secret={CANARY}"])) == 2
    (line,) = lines([CANARY])
    assert line.startswith("arguments (command line): there is an argument that belongs to no flag")
    assert "--help" in line


@pytest.mark.parametrize("form", ["CLIENT_SECRET", "TOKEN", "CLIENT_ID"])
@pytest.mark.parametrize("value", [f"two words {CANARY}", f"é{CANARY}", f"{CANARY}\x00"])
def test_an_impossible_secret_is_not_shown(form: str, value: str) -> None:
    assert any("give the value alone" in line for line in lines([], **{f"AUTH_{form}": value}))


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"API_REGION": "eu", "API_URL": "https://h"}, "api.region (.*) together with api.url"),
        ({"AUTH_CLIENT_ID": "a"}, "auth.client-id .* without auth.client-secret"),
        ({"AUTH_CLIENT_SECRET": CANARY}, "auth.client-secret .* without auth.client-id"),
        (
            {"AUTH_TOKEN": CANARY, "AUTH_CLIENT_ID": "a", "AUTH_CLIENT_SECRET": CANARY},
            "auth.token .* together with auth.client-id",
        ),
        ({"AUTH_TOKEN": CANARY, "AUTH_TOKEN_FILE": "FILE"}, "auth.token-file .* with auth.token"),
    ],
)
def test_settings_that_contradict_each_other(
    environ: dict[str, str], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    (line,) = lines([], **{k: v.replace("FILE", str(file)) for k, v in environ.items()})
    assert re.search(says, line)


def test_a_secret_and_its_file_from_different_sources_are_both_named(tmp_path: Path) -> None:
    secret, config = tmp_path / "secret", tmp_path / "flatfile.yaml"
    secret.write_text(CANARY)
    config.write_text(f"auth: {{token: {CANARY}}}\n")
    (line,) = lines([f"--config.file={config}", f"--auth.token-file={secret}"])
    assert line == (
        "auth.token-file (flag --auth.token-file): is given together with auth.token"
        f" (file {config}, line 1); keep one of them"
    )


def test_a_switch_and_its_opposite_in_one_source_are_a_mistake() -> None:
    (line,) = lines([], COLLECTOR_AGENTS="true", NO_COLLECTOR_AGENTS="true")
    assert "collector.agents" in line
    assert "keep one" in line
    (line,) = lines([], NO_COLLECTOR_AGENTS="perhaps")
    assert line.startswith("no-collector.agents (environment variable ")


def test_no_credential_is_a_mistake_only_when_one_is_required() -> None:
    settings = load([], {}).settings
    with pytest.raises(ConfigurationError, match=r"_AUTH_CLIENT_ID .*_AUTH_TOKEN .*_TOKEN_FILE"):
        settings.require_credential()
    load([], {f"{PREFIX}AUTH_TOKEN": CANARY}).settings.require_credential()


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=30))
def test_any_command_line_is_settings_or_mistakes(argv: list[str], value: str) -> None:
    for setting in SETTINGS:
        found = mistakes([*argv, f"{setting.flag}={value}"], {setting.environment_variable: value})
        assert all(mistake.isprintable() for mistake in found)


@pytest.mark.parametrize("name", ["AUTH_TOKEN_FILE", "API_CA_FILE"])
def test_bytes_that_are_no_utf_8_are_a_mistake(name: str) -> None:
    found = lines([], **{name: "folder/\udc8a"})  # as Python gives them (PEP 383)
    assert found
    assert all(line.isprintable() for line in found)
