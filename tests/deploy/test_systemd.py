"""The units: judged by systemd itself, and by what the exporter does with what they give it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.settings import resolve
from tests.support.processes import EXPORTER

UNITS = Path("deploy/systemd")
SERVICE = "flatfile-exporter.service"
SOCKET = "flatfile-exporter.socket"
DROP_IN = "flatfile-exporter.service.d/socket.conf"
PROGRAM = "/opt/flatfile-exporter/bin/flatfile-exporter"
MOST = 20
"""Tenths of exposure, of 100: the issue's 2.0."""

pytestmark = pytest.mark.peers
Tool = Callable[[str], str]


@pytest.fixture
def installed(root: Path, tmp_path: Path) -> Path:
    """The units in a folder, with the program where it is here."""
    folder = tmp_path / "system"
    shutil.copytree(root / UNITS, folder)
    service = folder / SERVICE
    text = service.read_text(encoding="utf-8")
    assert f"ExecStart={PROGRAM}\n" in text
    service.write_text(text.replace(PROGRAM, EXPORTER), encoding="utf-8")
    return folder


def analyze(tool: Tool, *arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [tool("systemd-analyze"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    return done.returncode, done.stdout


def values(path: Path, name: str) -> list[str]:
    """Each value of a setting, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def environment(*paths: Path) -> dict[str, str]:
    pairs = (one.partition("=") for path in paths for one in values(path, "Environment"))
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("with_socket", [False, True])
def test_systemd_finds_nothing_wrong_with_the_units(
    installed: Path, tool: Tool, with_socket: bool
) -> None:
    units = [installed / SERVICE]
    if with_socket:
        units.append(installed / SOCKET)
    else:
        shutil.rmtree(installed / Path(DROP_IN).parent)
    code, said = analyze(tool, "verify", "--man=no", *units)
    assert (code, said) == (0, "")


def test_the_exposure_is_at_most_two(installed: Path, tool: Tool) -> None:
    code, said = analyze(
        tool, "security", "--offline=true", f"--threshold={MOST}", installed / SERVICE
    )
    assert code == 0, said
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found
    assert float(found[1]) <= MOST / 10


def test_the_unit_gives_the_exporter_a_configuration_that_it_takes(
    root: Path, installed: Path, tmp_path: Path
) -> None:
    given = environment(installed / SERVICE)
    for name, value in given.items():
        found = value.replace("%S", str(tmp_path)).replace("%d", str(tmp_path))
        given[name] = found.replace("/etc/flatfile-exporter", str(root / "deploy"))
    for credential in values(installed / SERVICE, "LoadCredential"):
        name, _, source = credential.partition(":")
        assert source == f"/etc/flatfile-exporter/{name}"
        (tmp_path / name).write_text("x", encoding="utf-8")
        assert str(tmp_path / name) in given.values()
    loaded = resolve({}, given).settings
    loaded.require_credential()
    assert loaded.storage.path == tmp_path / "flatfile-exporter"
    assert values(installed / SERVICE, "StateDirectory") == [loaded.storage.path.name]


def test_no_secret_is_in_the_environment_or_the_command_line(installed: Path) -> None:
    for name in environment(installed / SERVICE):
        if "_AUTH_" in name:
            assert name.endswith("_FILE")
    assert values(installed / SERVICE, "ExecStart") == [EXPORTER]


def test_it_is_told_to_reload_and_stop_as_the_exporter_understands(installed: Path) -> None:
    service = installed / SERVICE
    assert values(service, "Type") == ["notify"]
    assert values(service, "ExecReload") == ["kill -HUP $MAINPID"]
    assert int(values(service, "TimeoutStopSec")[0]) > 10
    assert int(values(service, "WatchdogSec")[0]) >= 10
    # Exit code 2 is a configuration that is wrong.
    assert values(service, "RestartPreventExitStatus") == ["2"]


def test_the_socket_is_the_default_port_and_the_drop_in_says_to_use_it(installed: Path) -> None:
    settings = resolve({}, environment(installed / DROP_IN)).settings
    assert settings.web.systemd_socket is True
    (address,) = settings.web.listen_address
    assert values(installed / SOCKET, "ListenStream") == [str(address.port)]
    assert values(installed / DROP_IN, "Requires") == [SOCKET]
