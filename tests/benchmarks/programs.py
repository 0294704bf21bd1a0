"""The real programs as processes of their own, each ended with its context."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from exporter.demo import environment

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = "import httpx, prometheus_client, pydantic_settings, structlog"
"""What the exporter cannot do without; the least it could take to start and to hold."""

_PATIENCE = 60.0  # seconds until something that should have happened is given up
_ENDING = 15.0  # seconds; the daemon stops within 10
_PREFIX = "FLATFILE_EXPORTER_"


@contextmanager
def python(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=None if environ is None else dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                process.kill()


def warm() -> None:
    """Have everything compiled, so that nobody pays for being the first."""
    with python(
        "-c", f"{IMPORTS}; import exporter.__main__, exporter.emulator.__main__"
    ) as process:
        process.wait(_PATIENCE)


def said(process: subprocess.Popen[str]) -> str:
    """The next line of its standard output."""
    assert process.stdout is not None
    spoken = process.stdout.readline().strip()
    if not spoken:
        raise RuntimeError(f"{process.args!r} ended early")
    return spoken


@contextmanager
def emulator(*arguments: str) -> Iterator[str]:
    """The URL of an emulated account, without a path."""
    with python("-m", "exporter.emulator", *arguments) as process:
        yield said(process).removeprefix("listening on ")


@contextmanager
def replay(environments: int, delay: float) -> Iterator[str]:
    """The URL of an account that answers with ready bytes, each after ``delay`` seconds."""
    arguments = (f"--environments={environments}", f"--delay={delay}")
    with python("-m", "tests.benchmarks.replay", *arguments) as process:
        yield said(process).removeprefix("listening on ")


def control(url: str, path: str, values: object) -> None:
    """Pull a lever of the emulated account."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=_PATIENCE)
    connection.request("POST", f"/_control/{path}", json.dumps(values))
    assert connection.getresponse().status == 200
    connection.close()


@contextmanager
def held_port() -> Iterator[int]:
    """A port that nobody else gets, for a program of ours to listen on."""
    with socket.socket() as held:  # bound without listening, it keeps the port from all others
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def daemon(
    url: str, *flags: str, environ: Mapping[str, str] = os.environ
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The real daemon on an emulated account, and its port; it may not answer yet."""
    own = {name: value for name, value in environ.items() if not name.startswith(_PREFIX)}
    with held_port() as port:
        listening = {f"{_PREFIX}WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}"}
        known = environment(url, own) | listening
        with python("-m", "exporter", *flags, environ=known) as process:
            yield process, port


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body; 0 if nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def until(port: int, path: str, process: subprocess.Popen[str], pause: float = 0.005) -> None:
    """Return at the first 200; ``pause`` is seconds between two questions."""
    giving_up = time.monotonic() + _PATIENCE
    while get(port, path)[0] != 200:
        if process.poll() is not None or time.monotonic() > giving_up:
            raise RuntimeError(f"{path} never answered 200 (exit code {process.returncode})")
        time.sleep(pause)


def resident(process: subprocess.Popen[str]) -> float:
    """MB of memory that the process has now (``VmRSS``)."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6
