import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exporter.errors import ConfigurationError
from exporter.settings import Settings, example_yaml, load

CANARY = "canary-7f3a-hidden"


def read(folder: Path, text: str | bytes) -> Settings:
    file = folder / "flatfile.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load([f"--config.file={file}"], {}).settings


@pytest.mark.parametrize(
    "text",
    [
        "collector: {agents: false}",
        "collector: {agents: {enabled: false}}",
        "collector: {agents: off}",
        "collector.agents: no",
        "collector.agents.enabled: false",
        "collector: {agents.enabled: false}",
        "no-collector: {agents: true}",
        "no-collector.agents: yes",
    ],
)
def test_a_collector_is_turned_off_in_any_form(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).collector.agents.enabled is False


def test_a_collector_takes_its_switch_and_its_interval_together(tmp_path: Path) -> None:
    agents = read(tmp_path, "collector: {agents: {enabled: false, interval: 2m}}").collector.agents
    assert (agents.enabled, agents.interval) == (False, 120.0)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "api:\nlog: {level: }\n", "~"])
def test_what_is_left_empty_is_not_set(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == Settings()


def test_a_list_and_a_text_are_both_addresses(tmp_path: Path) -> None:
    listed = read(tmp_path, 'web: {listen-address: [":1", "[::1]:2"]}')
    assert listed == read(tmp_path, 'web: {listen-address: ":1,[::1]:2"}')


def test_a_number_is_taken_as_it_is_written(tmp_path: Path) -> None:
    auth = read(tmp_path, "auth: {client-id: 007, client-secret: 1_000}").auth
    assert auth.client_id == "007"
    assert auth.client_secret is not None
    assert auth.client_secret.get_secret_value() == "1_000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("api: {timeout: 5s, timeout: 6s}", "api.timeout (file FILE, line 1): is given twice"),
        ("api: {timeout: 5s}\napi.timeout: 6s", "api.timeout (file FILE, line 2): is given here"),
        (
            "log:\n  levle: info",
            "log.levle (file FILE, line 2): is unknown; did you mean log.level",
        ),
        ("log: {Level: info}", "did you mean log.level"),
        ("web: {listen_address: ':1'}", "did you mean web.listen-address?"),
        ("nothing: {at: all}", "nothing (file FILE, line 1): is unknown"),
        ("config.file: other.yaml", "config.file (file FILE, line 1): is unknown"),
        (f"auth: {CANARY}", "auth (file FILE, line 1): is a section"),
        ("log: {level: {deep: 1}}", "takes a value or a list of values"),
        ("log: {level: [info]}", "takes one value, not a list"),
        ("filter: {environments: {include: [[a]]}}", "nothing deeper"),
        (f"auth: {{token: !env {CANARY}}}", "has a YAML tag"),
        ("? [a]\n: b", "has a key that is not a word"),
        ("- a", "not a mapping of sections"),
        ("just text", "not a mapping of sections"),
        (f"auth: {{token: *{CANARY}}}", "cannot use this file: it is not YAML"),
        (f"auth: {{token: @{CANARY}}}", "at line 1, column "),
        (f"auth:\n  token: '{CANARY}\n", "at line "),
        ("a: b\n---\nc: d", "not YAML that can be read"),
        (b"\xff\xfe\xff", "not text in UTF-8"),
        ("x: " + "[" * 5000, "not YAML that can be read"),
        (b"#" * 2_000_000, "not YAML that can be read"),
        ("log: {level: 2024-99-99}", "not one of debug"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(
    text: str | bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert says.replace("FILE", str(tmp_path / "flatfile.yaml")) in str(caught.value)
    assert CANARY not in str(caught.value)


def test_aliases_that_multiply_cost_nothing(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
    )
    with pytest.raises(ConfigurationError, match="is unknown"):
        read(tmp_path, bomb + "log: {level: *a29}\n")


def test_a_mapping_that_holds_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read(tmp_path, "collector: &c {agents: *c, spaces: {info: *c}}")


def test_the_example_file_is_exactly_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, example_yaml()) == Settings()


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.binary())
def test_any_file_is_settings_or_mistakes(tmp_path: Path, text: str | bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        read(tmp_path, text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
