"""The committed files: what the source writes, and what Grafana is told to read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.source.every import generated
from tests.grafana.boards import FOLDER, ROOT

FILES = [*generated()]
PROVISIONING = ROOT / "grafana" / "provisioning"


@pytest.mark.parametrize(("path", "content"), FILES, ids=lambda one: getattr(one, "name", "."))
def test_the_file_is_what_make_generate_writes(path: Path, content: str) -> None:
    stale = f"{path} is stale: make generate"
    assert (ROOT / path).read_text(encoding="utf-8") == content, stale


def test_there_is_no_file_without_a_source() -> None:
    assert {path.name for path, _ in FILES} == {path.name for path in FOLDER.iterdir()}


def test_the_runbooks_may_be_published_elsewhere(tmp_path: Path) -> None:
    url, folder = "https://wiki.example/runbooks/", tmp_path / "not" / "there"
    command = [sys.executable, "-m", "grafana", f"--runbooks={url}", f"--to={folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for path, _ in FILES:
        board = json.loads((folder / path.name).read_text(encoding="utf-8"))
        (base,) = [one for one in board["templating"]["list"] if one["name"] == "runbooks"]
        assert base["query"] == "https://wiki.example/runbooks"


def _loaded(path: str) -> Any:
    return yaml.safe_load((PROVISIONING / path).read_text(encoding="utf-8"))


def test_the_provisioned_data_source_is_the_default_and_a_prometheus() -> None:
    (source,) = _loaded("datasources/prometheus.yaml")["datasources"]
    assert (source["type"], source["access"], source["isDefault"]) == ("prometheus", "proxy", True)
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == "30s", "as Prometheus scrapes"


def test_the_provider_reads_the_folder_that_the_compose_file_mounts() -> None:
    (provider,) = _loaded("dashboards/flatfile.yaml")["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    mounts = dict(
        mount.removesuffix(":ro").split(":") for mount in compose["services"]["grafana"]["volumes"]
    )
    assert mounts["../grafana/dashboards"] == provider["options"]["path"]
    assert mounts["../grafana/provisioning"] == "/etc/grafana/provisioning"
    assert "prometheus" in compose["services"], "the host of the data source"
