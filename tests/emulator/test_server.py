"""The emulator on a real socket: what only a connection can show, and its end."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from exporter.emulator import Emulator, Fault
from exporter.emulator.credentials import PAT
from exporter.emulator.server import serve

HEADERS = {"Authorization": f"Bearer {PAT}"}


@pytest.fixture
def anyio_backend() -> str:
    """Real time: sockets and another process have no other."""
    return "asyncio"


@pytest.fixture
async def http(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(emulator) as url,
        httpx.AsyncClient(base_url=f"{url}/v1", headers=HEADERS, timeout=20) as client,
    ):
        yield client


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "exporter.emulator", "--spaces", "20", "--seed", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:")
    return line.split()[-1]


async def test_it_answers_on_a_socket(http: httpx.AsyncClient) -> None:
    assert (await http.get("/accounts/current")).json()["data"]["name"]


@pytest.mark.parametrize("cut", ["header", "body"])
async def test_a_connection_may_be_cut(
    http: httpx.AsyncClient, emulator: Emulator, cut: str
) -> None:
    emulator.faults.add(Fault.from_json({"kind": "disconnect", "cut": cut, "count": 1}))
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get("/users")
    assert (await http.get("/users")).status_code == 200


async def test_an_endless_body_ends_when_the_client_has_enough(
    http: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("endless", count=1))
    got = 0
    async with http.stream("GET", "/events") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        async for part in answer.aiter_raw():
            got += len(part)
            if got > 4_000_000:
                break
    assert (await http.get("/users")).status_code == 200


async def test_a_hanging_call_ends_with_its_client(
    http: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("hang", count=1))
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/users", timeout=0.2)
    assert (await http.get("/users")).status_code == 200


async def test_hanging_calls_do_not_hold_the_server_back(emulator: Emulator) -> None:
    emulator.faults.add(Fault("hang"))
    began = time.monotonic()
    async with httpx.AsyncClient(headers=HEADERS, timeout=20) as client:
        async with serve(emulator) as url:
            hanging = asyncio.create_task(client.get(f"{url}/v1/users"))
            while not emulator.requests:  # noqa: ASYNC110 - it is no event of ours
                await asyncio.sleep(0.01)
        with pytest.raises(httpx.RemoteProtocolError):
            await hanging
    assert time.monotonic() - began < 5


async def test_a_port_that_is_taken_is_said(emulator: Emulator) -> None:
    async with serve(emulator) as url:
        with pytest.raises(OSError, match="in use"):
            async with serve(emulator, int(url.rsplit(":", 1)[1])):
                pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_on_a_signal_although_a_call_hangs(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    url = _url(process)
    hang = [{"kind": "hang", "route": "/users"}]
    assert httpx.post(f"{url}/_control/faults", json=hang).status_code == 200
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{url}/v1/users", headers=HEADERS, timeout=0.3)
    with httpx.Client(timeout=httpx.Timeout(5, read=0.2)) as held:
        with pytest.raises(httpx.ReadTimeout):
            held.get(f"{url}/v1/users", headers=HEADERS)
        process.send_signal(number)
        assert process.wait(3) == 0
    assert process.stdout is not None
    assert process.stdout.read() == ""
