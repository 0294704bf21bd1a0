import pytest

from exporter.errors import ConfigurationError
from exporter.settings import Settings, load

PREFIX = "FLATFILE_EXPORTER_"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SERVICE_HOST", "10.0.0.7"),
        ("SERVICE_PORT", "10042"),
        ("SERVICE_PORT_METRICS", "10042"),
        ("PORT", "tcp://10.0.0.7:10042"),
        ("PORT_10042_TCP", "tcp://10.0.0.7:10042"),
        ("PORT_10042_TCP_PROTO", "tcp"),
        ("PORT_10042_TCP_PORT", "10042"),
        ("PORT_10042_TCP_ADDR", "10.0.0.7"),
        ("METRICS_SERVICE_HOST", "10.0.0.7"),
        ("METRICS_PORT", "tcp://10.0.0.7:10042"),
        ("METRICS_PORT_10042_TCP_ADDR", "10.0.0.7"),
    ],
)
def test_what_kubernetes_says_about_our_own_service_is_ignored(variable: str, value: str) -> None:
    assert load([], {PREFIX + variable: value}).settings == Settings()


@pytest.mark.parametrize("variable", ["WEB_PORT", "SERVICE", "PORTS", "AUTH_SECRET"])
def test_any_other_unknown_variable_is_a_mistake(variable: str) -> None:
    with pytest.raises(ConfigurationError, match="is unknown") as caught:
        load([], {PREFIX + variable: "10042"})
    assert caught.value.mistakes[0].origin == f"environment variable {PREFIX}{variable}"


def test_an_empty_variable_counts_as_not_set() -> None:
    environ = dict.fromkeys((f"{PREFIX}API_URL", f"{PREFIX}AUTH_TOKEN", f"{PREFIX}CONFIG_FILE"), "")
    loaded = load([], environ)
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_other_variables_are_none_of_ours() -> None:
    assert load([], {"FLATFILE_API_KEY": "x", "HOME": "/", "API": "{}"}).settings == Settings()


def test_several_addresses_are_separated_by_commas() -> None:
    settings = load([], {f"{PREFIX}WEB_LISTEN_ADDRESS": "127.0.0.1:1, [::1]:2"}).settings
    assert [str(address) for address in settings.web.listen_address] == ["127.0.0.1:1", "[::1]:2"]
    flags = ["--web.listen-address=127.0.0.1:1", "--web.listen-address=[::1]:2"]
    assert load(flags, {}).settings == settings
