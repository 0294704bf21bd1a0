"""Sockets that another program opened, taken over by a real process as systemd hands them over."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.errors import ConfigurationError
from exporter.web.activation import inherited
from exporter.web.listeners import UNSENT
from exporter.web.server import Server
from tests.web.sockets import SMALL, asked

ROOT = str(Path(__file__).parents[2])

# Moves its arguments to 3, 4, … as systemd does, says who it is, and shows what was taken over.
CHILD = """
import fcntl, json, os, socket, sys
from exporter.errors import ConfigurationError
from exporter.web.activation import inherited
from exporter.web.listeners import place
parked = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 50) for number in sys.argv[2:]]
for target, one in enumerate(parked, 3):
    os.dup2(one, target, inheritable=True)
environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(parked)), **json.loads(sys.argv[1])}
try:
    taken = inherited(environ, os.getpid())
except ConfigurationError as error:
    print(json.dumps({"mistakes": [str(mistake) for mistake in error.mistakes]}))
else:
    print(json.dumps({
        "places": [place(one) for one in taken],
        "inheritable": [one.get_inheritable() for one in taken],
        "blocking": [one.getblocking() for one in taken],
        "protocols": [one.proto for one in taken],
        "unsent": [one.getsockopt(6, socket.TCP_NOTSENT_LOWAT) for one in taken],
    }))
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextmanager
def listening(*families: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = []
        for family in families:
            one = stack.enter_context(socket.socket(family))
            one.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
            one.listen()
            opened.append(one)
        yield opened


def child(sockets: Sequence[socket.socket], environ: Mapping[str, str] | None = None) -> Any:
    numbers = [one.fileno() for one in sockets]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(dict(environ or {})), *map(str, numbers)],
        pass_fds=numbers,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ROOT},
        timeout=30,
    )
    return json.loads(done.stdout)


def test_every_socket_is_taken_over_and_kept_from_children() -> None:
    with listening(socket.AF_INET, socket.AF_INET6) as (v4, v6):
        found = child([v4, v6])
        assert found["places"] == [
            f"127.0.0.1:{v4.getsockname()[1]}",
            f"[::1]:{v6.getsockname()[1]}",
        ]
    assert found["inheritable"] == found["blocking"] == [False, False]
    # Named, or asyncio does not switch Nagle's algorithm off.
    assert found["protocols"] == [socket.IPPROTO_TCP] * 2
    assert found["unsent"] == [UNSENT] * 2


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"LISTEN_PID": "1"}, "LISTEN_PID"),
        ({"LISTEN_PID": ""}, "LISTEN_PID"),
        ({"LISTEN_FDS": ""}, "LISTEN_FDS"),
        ({"LISTEN_FDS": "0"}, "LISTEN_FDS"),
        ({"LISTEN_FDS": "-1"}, "LISTEN_FDS"),
        ({"LISTEN_FDS": "99999999999999999999"}, "LISTEN_FDS"),
        ({"LISTEN_FDS": "9"}, "LISTEN_FDS"),
    ],
)
def test_what_was_not_handed_over_is_a_mistake(environ: dict[str, str], variable: str) -> None:
    with listening(socket.AF_INET) as (one,):
        (line,) = child([one], environ)["mistakes"]
    assert line.startswith(f"web.systemd-socket (environment variable {variable}): ")


def test_without_systemd_there_is_no_socket() -> None:
    with pytest.raises(ConfigurationError, match=r"by a \.socket unit"):
        inherited({}, os.getpid())


def test_a_socket_that_does_not_listen_for_streams_is_a_mistake() -> None:
    with socket.socket() as silent, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        for one in (silent, datagrams):
            (line,) = child([one])["mistakes"]
            assert "descriptor 3 does not listen; write ListenStream=" in line


async def test_a_server_serves_a_unix_socket_and_says_so(tmp_path: Path) -> None:
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(tmp_path / "web.sock"))
    one.listen()
    running = Server(SMALL)
    running.adopt([one])
    await running.start()
    assert running.places == (str(tmp_path / "web.sock"),)
    assert running.addresses == ()
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "web.sock"))
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.get("http://exporter/")).text == "hello world"
    await running.stop(1)
    assert running.places == (str(tmp_path / "web.sock"),)


async def test_a_server_serves_what_waited_in_a_socket_before_it_was_there() -> None:
    with listening(socket.AF_INET) as (one,):
        reader, writer = await asyncio.open_connection(*one.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        running = Server(SMALL)
        running.adopt([one])
        await running.start()
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"\r\n\r\nhello world")
        writer.close()
        assert (await asked(running, b"GET / HTTP/1.0\r\n\r\n")).endswith(b"hello world")
        await running.stop(1)


SERVER = """
import asyncio, os
from exporter.web.activation import inherited
from exporter.web.listeners import UNSENT
from exporter.web.server import Server
from tests.web.sockets import SMALL
async def main():
    running = Server(SMALL)
    running.adopt(inherited(os.environ, os.getpid()))
    await running.start()
    await asyncio.sleep(30)
asyncio.run(main())
"""


@pytest.mark.peers
async def test_systemd_starts_the_program_when_somebody_connects(need: Any) -> None:
    program = need("systemd-socket-activate", "apt-get install systemd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        program, f"--listen=127.0.0.1:{port}", f"--setenv=PYTHONPATH={ROOT}",
        sys.executable, "-c", SERVER,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    try:
        async with asyncio.timeout(20):
            while b"Listening on" not in await process.stderr.readline():
                pass
            async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
                assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello world"
    finally:
        process.kill()
        await process.communicate()
