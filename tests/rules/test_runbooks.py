"""A page for each alert, that can be followed."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.catalog import families
from exporter.families import Kind
from exporter.rules import Alert, groups
from tests.rules.promtool import run

FOLDER = Path(__file__).parents[2] / "deploy/runbooks"
PAGES = sorted(FOLDER.iterdir())
RULES = [rule for group in groups() for rule in group.rules]
FOREIGN = {"flatfile_data"}


def queries(page: Path) -> list[str]:
    found = re.findall(r"^```promql\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [query.strip() for query in found]


def test_there_is_no_alert_without_a_page_and_no_page_without_an_alert() -> None:
    alerts = {f"{rule.name}.md" for rule in RULES if isinstance(rule, Alert)}
    assert {page.name for page in PAGES} == alerts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_four_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^#+ .*$", text, re.MULTILINE) == [
        f"# {page.stem}",
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
    ]
    diagnosis = text[text.index("## Diagnosis") : text.index("## Mitigation")]
    assert "```promql" in diagnosis
    assert "```promql" not in text.replace(diagnosis, "")
    assert re.search(r"flatfile-exporter |page at `/`", diagnosis), "nothing to run but queries"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_only_what_is_exposed_or_recorded(page: Path) -> None:
    known = {rule.name for rule in RULES} | FOREIGN
    for _, family in families():
        known.add(family.name)
        if family.kind is Kind.HISTOGRAM:
            known |= {family.name + suffix for suffix in ("_bucket", "_count", "_sum")}
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\bflatfile[_:][a-z_:]+[a-z]", text)) <= known
    assert set(re.findall(r"\bFlatfile[A-Z]\w+", text)) <= known


@pytest.mark.peers
def test_every_query_can_be_run(tmp_path: Path, promtool: str) -> None:
    rules = [
        {"record": f"{page.stem}:{number}", "expr": query}
        for page in PAGES
        for number, query in enumerate(queries(page))
    ]
    assert len(rules) > 2 * len(PAGES)
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}), "utf-8")
    code, said = run(promtool, "check", "rules", path)
    assert code == 0, said
