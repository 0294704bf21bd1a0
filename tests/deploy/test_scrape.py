"""The example scrape configurations: judged by promtool, and by a real Prometheus that uses them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from exporter.rules import Thresholds
from tests.peers.support import Prometheus
from tests.rules.promtool import run
from tests.support.processes import (
    START,
    account,
    ask,
    eventually,
    exporter,
    free_port,
    running,
)
from tests.web.guard.authority import Authority, web_config

FOLDER = Path("deploy/prometheus")
NAMES = ("plain", "tls", "basic-auth", "kubernetes")
PASSWORD = "canary-password"
LOOK_BACK = 300
"""Seconds: Prometheus' --query.lookback-delta."""

pytestmark = pytest.mark.peers
Tool = Callable[[str], str]


def text(root: Path, name: str) -> str:
    return (root / FOLDER / f"scrape-{name}.yml").read_text(encoding="utf-8")


def job(root: Path, name: str) -> dict[str, Any]:
    (found,) = yaml.safe_load(text(root, name))["scrape_configs"]
    return dict(found)


def secured(root: Path, name: str) -> str:
    """The web configuration that the example's comment shows."""
    lines = text(root, name).splitlines()
    shown = [line.removeprefix("#     ") for line in lines if line.startswith("#     ")]
    return "\n".join(shown) + "\n"


@pytest.fixture
def placed(root: Path, tmp_path: Path) -> Callable[[str], Path]:
    """An example by name as a file, with the files that it names, which promtool looks for."""

    def place(name: str) -> Path:
        def here(found: re.Match[str]) -> str:
            path = tmp_path / found[0].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch()
            return str(path)

        made = re.sub(r"/etc/prometheus/\S+", here, text(root, name))
        path = tmp_path / f"{name}.yml"
        path.write_text(made, encoding="utf-8")
        return path

    return place


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_3_takes_it(name: str, placed: Callable[[str], Path], tool: Tool) -> None:
    syntax = ("--syntax-only",) if name == "tls" else ()  # its certificates are empty here
    code, said = run(tool("promtool3"), "check", "config", *syntax, placed(name))
    assert code == 0, said


# Debian's Prometheus 2 is built without what finds targets in Kubernetes.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "kubernetes"])
def test_prometheus_2_takes_it(name: str, placed: Callable[[str], Path], tool: Tool) -> None:
    syntax = ("--syntax-only",) if name == "tls" else ()
    code, said = run(tool("promtool"), "check", "config", *syntax, placed(name))
    assert code == 0, said


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_find_what_it_scrapes(root: Path, name: str) -> None:
    one = job(root, name)
    assert re.fullmatch(Thresholds().jobs, one["job_name"])
    # Two failed scrapes in a row must not look like an absence.
    interval = int(re.fullmatch(r"(\d+)s", one["scrape_interval"])[1])  # type: ignore[index] # no match is a failure, too
    assert interval * 3 < LOOK_BACK


def test_in_kubernetes_two_releases_are_two_jobs(root: Path) -> None:
    labels = {
        rule.get("target_label"): rule["source_labels"]
        for rule in job(root, "kubernetes")["relabel_configs"]
    }
    assert labels["job"] == ["__meta_kubernetes_service_name"]
    assert labels["namespace"] == ["__meta_kubernetes_namespace"]


@contextmanager
def scraping(program: str, folder: Path, one: Mapping[str, Any]) -> Iterator[Prometheus]:
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"scrape_configs": [one]}), encoding="utf-8")
    port = free_port()
    arguments = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with running(arguments, folder) as process:
        server = Prometheus(f"http://127.0.0.1:{port}")
        eventually(lambda: process.alive and ask(f"{server.url}/-/ready").status == 200, START)
        yield server


@pytest.mark.parametrize("name", ["plain", "tls", "basic-auth"])
def test_a_real_prometheus_scrapes_by_it(
    root: Path, name: str, placed: Callable[[str], Path], tool: Tool, tmp_path: Path
) -> None:
    """With the exporter's side as the example's comment shows it."""
    web = secured(root, name)
    path = placed(name)
    (one,) = yaml.safe_load(path.read_text(encoding="utf-8"))["scrape_configs"]
    flags = []
    if web.strip():
        authority = Authority(tmp_path)
        authority.issue("server", "flatfile-exporter.example.org")
        authority.issue("prometheus")
        for shown, made in {
            "ca_file": "ca.pem",
            "cert_file": "prometheus.crt",
            "key_file": "prometheus.key",
        }.items():
            if shown in one["tls_config"]:
                one["tls_config"][shown] = str(tmp_path / made)
        one["tls_config"]["server_name"] = "flatfile-exporter.example.org"
        (tmp_path / "clients-ca.crt").write_bytes(authority.pem.read_bytes())
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        flags = [f"--web.config.file={web_config(tmp_path, web.replace('$2y$10$…', hashed))}"]
    if "basic_auth" in one:
        Path(one["basic_auth"]["password_file"]).write_text(PASSWORD, encoding="utf-8")
    with account(tmp_path) as emulated, exporter(tmp_path, emulated, *flags) as daemon:
        target = daemon.url.rpartition("/")[2]
        one["static_configs"] = [{"targets": [target]}]
        one |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
        with scraping(tool("prometheus"), tmp_path, one) as server:
            eventually(lambda: server.query("flatfile_environments"))
            assert server.target()["health"] == "up"
            scheme = "http" if name == "plain" else "https"
            assert server.target()["scrapeUrl"] == f"{scheme}://{target}/metrics"
