"""What is switched on without what it needs."""

import pytest

from exporter.errors import ConfigurationError
from exporter.settings import load


@pytest.mark.parametrize(
    ("flags", "setting", "wanted"),
    [
        (["--storage.path=none"], "audit", "audit.path"),
        (["--audit.sink.postgresql"], "audit.sink.postgresql", "dsn"),
        (["--audit.sink.loki"], "audit.sink.loki", "audit.sink.loki.url"),
        (["--audit.sink.otlp"], "audit.sink.otlp", "audit.sink.otlp.url"),
        (["--audit.sink.loki.username=me"], "audit.sink.loki.username", "password"),
    ],
)
def test_a_part_of_the_audit_log_without_what_it_needs_is_a_mistake(
    flags: list[str], setting: str, wanted: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(["--audit", *flags], {})
    (mistake,) = caught.value.mistakes
    assert mistake.setting == setting
    assert wanted in mistake.message
    assert not load(flags, {}).settings.audit.enabled  # and then it matters to nobody


def test_an_audit_log_with_a_folder_of_its_own_needs_no_embedded_state() -> None:
    settings = load(["--audit", "--storage.path=none", "--audit.path=log"], {}).settings
    assert settings.audit.enabled
