"""compose.yaml: judged by the specification's own loader and schema, and by what it is for."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from exporter.settings import resolve
from tests.rules.promtool import run

FILE = Path("deploy/compose.yaml")
ALWAYS = {"exporter", "prometheus", "alertmanager", "grafana"}
PORT = 10042

Tool = Callable[[str], str]


@pytest.fixture(scope="module")
def written(root: Path) -> Mapping[str, Any]:
    """As it stands in the file, anchors resolved."""
    found: Mapping[str, Any] = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
    return found


def services(written: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from written["services"].items()


def binds(root: Path, service: Mapping[str, Any]) -> dict[str, Path]:
    """Files and folders of this repository, by where they are mounted."""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *_ = volume.split(":")
        if source.startswith("."):
            found[target] = (root / FILE.parent / source).resolve()
    return found


def test_the_schema_of_the_specification_has_nothing_against_it(
    written: Mapping[str, Any], schema: Callable[[str], Path]
) -> None:
    published = json.loads(schema("compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.validate(written, published)


@pytest.mark.peers
def test_the_reference_loader_takes_it_with_and_without_the_profile(root: Path, tool: Tool) -> None:
    def loaded(**environ: str) -> set[str]:
        done = subprocess.run(
            [tool("compose-spec"), "-format=json", FILE.name],
            cwd=root / FILE.parent,
            env={"HOME": "/nonexistent", **environ},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return set(json.loads(done.stdout)["services"])

    assert loaded() - {"demo"} == ALWAYS
    assert loaded(COMPOSE_PROFILES="demo") == {*ALWAYS, "demo"}


def test_only_the_demo_has_a_profile_and_it_needs_no_credential(
    written: Mapping[str, Any],
) -> None:
    assert {name: one.get("profiles") for name, one in services(written)} == {
        **dict.fromkeys(ALWAYS),
        "demo": ["demo"],
    }
    demo = written["services"]["demo"]
    assert not {"secrets", "environment"} & demo.keys()
    # What `up demo` starts is everything but the exporter of the account.
    started, waiting = set(), ["demo"]
    while waiting:
        name = waiting.pop()
        started.add(name)
        waiting += written["services"][name].get("depends_on", [])
    assert started == {*ALWAYS, "demo"} - {"exporter"}


def test_everything_is_locked_down_and_listens_on_loopback(written: Mapping[str, Any]) -> None:
    for name, one in services(written):
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in one["ports"]), name
        assert "privileged" not in one, name
        assert re.search(r":v?[0-9]+\.[0-9]+\.[0-9]+(-demo)?$", one["image"]), one["image"]
    published = [port for _, one in services(written) for port in one["ports"]]
    hosts = [port.split(":")[1] for port in published]
    assert len(set(hosts)) == len(hosts)


def test_what_is_mounted_is_there_and_stays_as_it_is(
    root: Path, written: Mapping[str, Any]
) -> None:
    mounted = [path for _, one in services(written) for path in binds(root, one).values()]
    assert len(mounted) == 5
    assert [path for path in mounted if not path.exists()] == []
    for _, one in services(written):
        for volume in one.get("volumes", []):
            source, _, *options = volume.split(":")
            assert source in written["volumes"] or options == ["ro"], volume


def test_the_credential_comes_by_files_that_nobody_commits(
    root: Path, written: Mapping[str, Any], tmp_path: Path
) -> None:
    exporter = written["services"]["exporter"]
    environment = dict(exporter["environment"])
    assert environment.pop("FLATFILE_EXPORTER_API_REGION") == "${FLATFILE_REGION:-}"
    for name, value in environment.items():
        secret = value.removeprefix("/run/secrets/")
        assert secret in exporter["secrets"]
        place = re.fullmatch(r"\$\{[A-Z_]+:-(.+)\}", written["secrets"][secret]["file"])
        assert place
        path = root / FILE.parent / place[1]
        ignored = path.with_name(".gitignore").read_text(encoding="utf-8").splitlines()
        assert "*" in ignored
        environment[name] = str(tmp_path / secret)
        (tmp_path / secret).write_text("x", encoding="utf-8")
    environment["FLATFILE_EXPORTER_API_REGION"] = ""
    resolve({}, environment).settings.require_credential()


@pytest.mark.peers
def test_prometheus_takes_its_configuration_as_it_is_mounted(
    root: Path, written: Mapping[str, Any], tool: Tool, tmp_path: Path
) -> None:
    for target, source in binds(root, written["services"]["prometheus"]).items():
        place = tmp_path / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    (named,) = (
        word.partition("=")[2]
        for word in written["services"]["prometheus"]["command"]
        if word.startswith("--config.file=")
    )
    code, said = run(tool("promtool"), "check", "config", tmp_path / named.lstrip("/"))
    assert code == 0, said
    assert "rules found" in said


def test_prometheus_asks_and_tells_services_that_there_are(
    root: Path, written: Mapping[str, Any]
) -> None:
    config = yaml.safe_load((root / "deploy/compose/prometheus.yml").read_text(encoding="utf-8"))
    asked = {
        name: job["job_name"]
        for job in config["scrape_configs"]
        for dns in job["dns_sd_configs"]
        for name in dns["names"]
        if dns["port"] == PORT
    }
    assert asked == {"exporter": "flatfile", "demo": "flatfile-demo"}
    (told,) = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    host, _, port = told.partition(":")
    assert any(one.endswith(f":{port}") for one in written["services"][host]["ports"])


def test_the_scraped_port_is_the_one_of_the_image(root: Path, written: Mapping[str, Any]) -> None:
    dockerfile = (root / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {PORT}\n" in dockerfile
    for name in ("exporter", "demo"):
        assert written["services"][name]["ports"][0].endswith(f":{PORT}")
        target = written["services"][name]["build"].get("target", "exporter")
        assert re.search(rf"^FROM \S+ AS {target}$", dockerfile, re.MULTILINE)


def test_grafana_finds_prometheus_and_the_dashboards(
    root: Path, written: Mapping[str, Any]
) -> None:
    mounts = binds(root, written["services"]["grafana"])
    provisioning = mounts["/etc/grafana/provisioning"]
    (sources,) = (provisioning / "datasources").glob("*.y*ml")
    for source in yaml.safe_load(sources.read_text(encoding="utf-8"))["datasources"]:
        parts = urlsplit(source["url"])
        assert parts.hostname in written["services"]
        assert any(
            port.endswith(f":{parts.port}") for port in written["services"][parts.hostname]["ports"]
        )
    (providers,) = (provisioning / "dashboards").glob("*.y*ml")
    for provider in yaml.safe_load(providers.read_text(encoding="utf-8"))["providers"]:
        assert mounts[provider["options"]["path"]] == root / "grafana/dashboards"
