"""What systemd hears, on a real datagram socket."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.notify import Supervisor

PID = os.getpid()


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address as systemd writes it, and the socket that hears."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@test-{PID}-{time.time_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        one.setblocking(False)
        yield name, one


def heard(ear: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(ear.recv(4096).decode())
        except BlockingIOError:
            return found


def test_it_is_told_of_the_start_of_reloads_and_of_the_stop(ear: tuple[str, socket.socket]) -> None:
    supervisor = Supervisor.of({"NOTIFY_SOCKET": ear[0]}, PID)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    supervisor.ready("Serving on\n:10042.")
    supervisor.reloading()
    supervisor.ready("Serving.")
    supervisor.stopping()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    ready, reloading, again, stopping = heard(ear[1])
    assert ready == "READY=1\nSTATUS=Serving on :10042."
    flag, moment = reloading.split("\nMONOTONIC_USEC=")
    assert flag == "RELOADING=1"
    assert before <= int(moment) <= after
    assert again == "READY=1\nSTATUS=Serving."
    assert stopping == "STOPPING=1\nSTATUS=Stopping."


async def test_the_watchdog_hears_the_loop_twice_in_its_time(
    ear: tuple[str, socket.socket],
) -> None:
    environ = {"NOTIFY_SOCKET": ear[0], "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(PID)}
    watching = asyncio.create_task(Supervisor.of(environ, PID).watch())
    await asyncio.sleep(21)
    assert heard(ear[1]) == ["WATCHDOG=1"] * 5  # at 0, 5, 10, 15 and 20 seconds
    watching.cancel()
    await asyncio.wait({watching})
    assert watching.cancelled()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "10000000"},
        {"NOTIFY_SOCKET": "/nowhere"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "10000000"},
    ],
)
async def test_where_nobody_watches_the_watch_ends_at_once(environ: dict[str, str]) -> None:
    async with asyncio.timeout(1):
        await Supervisor.of(environ, PID).watch()


def test_without_systemd_nothing_is_said_and_nothing_happens() -> None:
    with capture_logs() as logs:
        for supervisor in (Supervisor(), Supervisor.of({"NOTIFY_SOCKET": ""}, PID)):
            supervisor.ready("Serving.")
            supervisor.reloading()
            supervisor.stopping()
    assert logs == []


def test_a_socket_that_is_gone_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor(address=str(tmp_path / "ear"))
    with capture_logs() as logs:
        for _ in range(2):
            for _ in range(3):
                supervisor.ready("Serving.")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
                one.bind(str(tmp_path / "ear"))
                supervisor.ready("Serving.")
            (tmp_path / "ear").unlink()
    assert [log["reason"] for log in logs] == ["No such file or directory"] * 2


def test_a_socket_that_is_full_is_not_waited_for(tmp_path: Path) -> None:
    supervisor = Supervisor(address=str(tmp_path / "ear"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full, capture_logs() as logs:
        full.bind(str(tmp_path / "ear"))
        for _ in range(2000):
            supervisor.stopping()
    assert [log["reason"] for log in logs] == ["Resource temporarily unavailable"]
