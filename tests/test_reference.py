"""What is generated is what is committed."""

from pathlib import Path

import pytest

from exporter.catalog import COLLECTORS, families
from exporter.families import Stability
from exporter.reference import generated
from exporter.settings import Settings

ROOT = Path(__file__).parents[1]
FILES = {str(path.relative_to(ROOT)): (path, content) for path, content in generated(ROOT)}


@pytest.mark.parametrize("name", FILES)
def test_a_generated_file_is_up_to_date(name: str) -> None:
    path, content = FILES[name]
    assert path.read_text(encoding="utf-8") == content, "run make generate"


def test_every_family_has_a_name_of_its_own() -> None:
    names = [family.name for _, family in families()]
    assert len(names) == len(set(names))


def test_every_family_keeps_the_rules_of_naming() -> None:
    for _, family in families():
        assert family.name.startswith("flatfile_")
        assert (family.kind == "counter") == family.name.endswith("_total")
        assert (family.kind == "info") == family.name.endswith("_info")
        assert family.help.endswith("."), family.name
        assert "seconds_since" not in family.name
        assert not set(family.labels) & {"environment", "email", "name", "user", "guest"}


def test_every_collector_has_its_settings_and_every_setting_its_collector() -> None:
    named = {collector.name for collector in COLLECTORS}
    assert named == set(Settings().collector.by_name())


def test_only_what_is_young_may_change_with_a_minor_version() -> None:
    assert {f.name for _, f in families() if f.stability is Stability.BETA} == {
        "flatfile_audit_feed_blocked",
        "flatfile_audit_feed_last_success_timestamp_seconds",
        "flatfile_audit_last_gap_timestamp_seconds",
        "flatfile_audit_store_available",
        "flatfile_audit_writer",
        "flatfile_collector_hints_total",
        "flatfile_collector_lateness_seconds",
        "flatfile_exporter_shards",
        "flatfile_exporter_state_available",
    }
