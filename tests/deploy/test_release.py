"""What a release has to have: one version, pinned parts, a bill of materials, a way to report."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__

Tool = Callable[[str], str]
WORKFLOWS = Path(".github/workflows")
DIGEST = re.compile(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def read(root: Path, path: str) -> str:
    return (root / path).read_text(encoding="utf-8")


def test_one_version_is_named_everywhere(root: Path) -> None:
    assert f"\nARG VERSION={__version__}\n" in read(root, "Dockerfile")
    images = re.findall(r"image: flatfile-exporter:(\S+)", read(root, "deploy/compose.yaml"))
    assert {image.removesuffix("-demo") for image in images} == {__version__}
    chart = yaml.safe_load(read(root, "deploy/helm/flatfile-exporter/Chart.yaml"))
    assert chart["appVersion"] == __version__
    assert re.search(rf"^## {re.escape(__version__)}\b", read(root, "CHANGELOG.md"), re.MULTILINE)


def test_the_base_of_the_image_is_named_by_its_digest(root: Path) -> None:
    assert DIGEST.search(read(root, "Dockerfile"))


def test_every_locked_package_has_hashes_and_no_address(root: Path) -> None:
    lock = read(root, "deploy/requirements.lock")
    assert "://" not in lock
    packages = [line for line in lock.splitlines() if re.match(r"[a-z0-9]", line)]
    assert len(packages) > 20
    for block in re.split(r"\n(?=[a-z0-9])", lock):
        name = block.partition(" ")[0]
        assert re.fullmatch(r"[a-z0-9.-]+==[\w.!+-]+", name), name
        assert "--hash=sha256:" in block, name


def test_it_is_under_the_licence_that_it_names(root: Path) -> None:
    project = tomllib.loads(read(root, "pyproject.toml"))["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in read(root, "LICENSE")
    assert 'licenses="Apache-2.0"' in read(root, "Dockerfile")


def test_a_way_to_report_a_weakness_is_given_and_what_it_names_is_there(root: Path) -> None:
    security = read(root, ".github/SECURITY.md")
    assert "privately" in security
    for path in re.findall(r"`([\w./-]+/[\w.-]+\.\w+)`", security):
        assert (root / path).exists(), path


def steps(root: Path) -> Iterator[dict[str, Any]]:
    for path in (root / WORKFLOWS).glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            yield from job["steps"]


def test_the_workflow_does_what_our_own_ci_does_with_pinned_actions_and_no_rights(
    root: Path,
) -> None:
    assert any(step.get("run") == ".ci/run" for step in steps(root))
    used = [step["uses"] for step in steps(root) if "uses" in step]
    assert used
    assert [one for one in used if not PINNED.fullmatch(one)] == []
    for path in (root / WORKFLOWS).glob("*.yml"):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        assert "secrets." not in path.read_text(encoding="utf-8")


@pytest.mark.peers
def test_actionlint_has_nothing_to_say(root: Path, tool: Tool) -> None:
    done = subprocess.run(
        [tool("actionlint"), "-no-color", *map(str, (root / WORKFLOWS).glob("*.yml"))],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.peers
@pytest.mark.timeout(300)
def test_the_bill_of_materials_names_what_is_installed_and_nothing_else(
    root: Path, tool: Tool, tmp_path: Path
) -> None:
    # -o: whoever runs this has installed what the tests need, and does so not in their middle.
    command = [tool("make"), "-C", str(root), "-o", ".venv/.test", "sbom", f"DIST={tmp_path}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, env=inherited, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    bom = json.loads((tmp_path / "flatfile-exporter.cdx.json").read_text(encoding="utf-8"))
    assert bom["bomFormat"] == "CycloneDX"
    about = bom["metadata"]["component"]
    assert (about["name"], about["version"]) == ("flatfile-exporter", __version__)
    found = {one["name"].lower().replace("_", "-"): one for one in bom["components"]}

    locked = dict(
        re.findall(r"^([a-z0-9.-]+)==(\S+)", read(root, "deploy/requirements.lock"), re.MULTILINE)
    )
    assert {name: one["version"] for name, one in found.items()}.items() <= locked.items()
    project = tomllib.loads(read(root, "pyproject.toml"))["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["audit"]]
    names = {re.split(r"[^a-zA-Z0-9._-]", one)[0].lower() for one in direct}
    assert names <= found.keys()
    assert not {"hatchling", "editables", "pip", "pytest"} & found.keys()
    # Its metadata says no licence in a way that tools read; it is BSD-3-Clause.
    assert {name for name, one in found.items() if not one.get("licenses")} <= {"protobuf"}
