"""The probe against the real server, behind each kind of web configuration."""

import asyncio
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import bcrypt
import pytest

from exporter import probe
from exporter.board import Board, Record, Snapshot
from exporter.exposition import Exposition
from exporter.settings import resolve
from exporter.web.app import App, Parts
from exporter.web.guard.guard import Guard
from exporter.web.server import Server
from tests.support.processes import free_port
from tests.web.guard.authority import Authority, web_config, with_tls
from tests.web.sockets import serving
from tests.web.stages import Place, a_status, no_mistake

VERIFY = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem")
IF_GIVEN = ("client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem")
HASH = bcrypt.hashpw(b"canary-password", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users:\n  prometheus: {HASH}\n"
VARIABLE = "FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("server", "exporter.test")
    return made


@asynccontextmanager
async def daemon(
    web: Path | None = None, *, ready: bool = True, at: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    board = Board()
    record = Record(
        interval=60, retain=600, essential=True, last_success=1_800_000_000.0 if ready else None
    )
    board.snapshot = Snapshot(records={"agents": record}, readings={})
    exposition = Exposition(board, tuple, asyncio.get_running_loop().time)
    app = App(Parts(board=board, exposition=exposition, status=a_status, reload=no_mistake))
    async with serving(app, Place(at, 0), guard=Guard.of(web)) as running:
        yield running


def port(running: Server) -> int:
    return running.addresses[0][1]


async def probed(*flags: str, **environ: str) -> tuple[int, str]:
    """Its exit code, and what it says."""
    said: list[str] = []
    code = await asyncio.to_thread(probe.main, flags, environ, said.append)
    return code, "".join(said)


async def test_a_daemon_that_answers_is_well() -> None:
    async with daemon() as running:
        assert await probed(**{VARIABLE: f":{port(running)}"}) == (0, "")
        assert await probed(f"--web.listen-address=127.0.0.1:{port(running)}") == (0, "")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[::]", "localhost"])
async def test_an_address_for_every_interface_is_asked_on_loopback(host: str) -> None:
    if host == "[::]" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    at = {"[::]": "::"}.get(host, host)
    async with daemon(at=at) as running:
        assert await probed(**{VARIABLE: f"{host}:{port(running)}"}) == (0, "")
    settings = resolve({}, {VARIABLE: f"{host}:1"}).settings
    assert probe.Place.of_settings(settings).host in {"127.0.0.1", "::1", "localhost"}


async def test_whether_it_is_ready_is_asked_only_when_that_is_the_question() -> None:
    async with daemon(ready=False) as running:
        place = {VARIABLE: f":{port(running)}"}
        assert await probed(**place) == (0, "")
        code, said = await probed("--ready", **place)
        assert code == 1
        assert f"http://127.0.0.1:{port(running)}/-/ready answers 503: " in said
        assert "agents" in said
    async with daemon() as running:
        assert await probed("--ready", **{VARIABLE: f":{port(running)}"}) == (0, "")


async def test_nobody_there_is_not_well() -> None:
    number = free_port()
    code, said = await probed(**{VARIABLE: f":{number}"})
    assert code == 1
    assert said == (
        f"flatfile-exporter: http://127.0.0.1:{number}/-/healthy does not answer:"
        " Connection refused\n"
    )


async def test_a_daemon_whose_loop_is_stuck_is_not_well() -> None:
    with socket.socket() as silent:  # the system accepts, and nobody answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = probe.Place(host="127.0.0.1", port=silent.getsockname()[1])
        wrong = await asyncio.to_thread(probe.ask, place, "/-/healthy", 0.2)
    assert wrong.endswith("does not answer: timed out")


@pytest.mark.parametrize("lines", [(), IF_GIVEN, VERIFY], ids=["none", "if given", "required"])
@pytest.mark.parametrize("most", ["TLS12", "TLS13"])
async def test_behind_tls_it_needs_neither_a_name_nor_a_certificate(
    authority: Authority, lines: tuple[str, ...], most: str
) -> None:
    web = with_tls(authority.folder, *lines, f"max_version: {most}")
    async with daemon(web) as running:
        place = {VARIABLE: f":{port(running)}", "FLATFILE_EXPORTER_WEB_CONFIG_FILE": str(web)}
        for _ in range(5):  # a client that is turned away may hear of it or not
            assert await probed(**place) == (0, "")


@contextmanager
def slamming(authority: Authority) -> Iterator[int]:
    """The port of a server that ends each connection after the handshake, without an alert.

    The alert of a real one is lost in the same way when it is overtaken by the end.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "server.crt", authority.folder / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            taken, _ = listener.accept()
            with context.wrap_socket(taken, server_side=True) as one:
                linger = struct.pack("ii", 1, 0)  # end by a reset
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("guarded", [True, False])
def test_a_handshake_is_enough_only_where_more_needs_a_certificate(
    authority: Authority, guarded: bool
) -> None:
    with slamming(authority) as number:
        place = probe.Place(host="127.0.0.1", port=number, tls=True, guarded=guarded)
        assert (probe.ask(place, "/-/healthy") == "") is guarded


@pytest.mark.parametrize("flags", [(), ("--ready",)])
async def test_behind_a_password_being_asked_for_it_is_enough(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    web = web_config(tmp_path, USERS)
    async with daemon(web) as running:
        place = {VARIABLE: f":{port(running)}", "FLATFILE_EXPORTER_WEB_CONFIG_FILE": str(web)}
        assert await probed(*flags, **place) == (0, "")


async def test_one_that_speaks_another_protocol_than_configured_is_not_well(
    authority: Authority,
) -> None:
    web = with_tls(authority.folder)
    file = {"FLATFILE_EXPORTER_WEB_CONFIG_FILE": str(web)}
    async with daemon() as running:
        code, said = await probed(**{VARIABLE: f":{port(running)}"}, **file)
        assert code == 1
        assert "does not speak TLS with us" in said
    async with daemon(web) as running:
        code, said = await probed(**{VARIABLE: f":{port(running)}"})
        assert code == 1
        assert "answers 400" in said


async def test_another_daemon_can_be_named(authority: Authority) -> None:
    async with daemon() as running:
        assert await probed(f"--url=http://localhost:{port(running)}/metrics") == (0, "")
    async with daemon(with_tls(authority.folder)) as running:
        assert await probed(f"--url=https://127.0.0.1:{port(running)}") == (0, "")


@pytest.mark.parametrize(
    ("flags", "environ", "why"),
    [
        (("--url=localhost:10042",), {}, "--url: 'localhost:10042' is not a URL"),
        (("--url=http://localhost:x",), {}, "--url: "),
        (("--redy",), {}, "redy (flag --redy): is unknown"),
        ((), {VARIABLE: ":0"}, "web.listen-address (:0): leaves the port to the system"),
        (
            (),
            {"FLATFILE_EXPORTER_WEB_SYSTEMD_SOCKET": "true"},
            "web.systemd-socket (:10042): leaves the port to the system",
        ),
        ((), {VARIABLE: "nonsense"}, "web.listen-address (environment variable"),
    ],
    ids=str,
)
async def test_what_is_wrong_with_the_configuration_is_said(
    flags: tuple[str, ...], environ: dict[str, str], why: str
) -> None:
    code, said = await probed(*flags, **environ)
    assert code == 2
    assert why in said


async def test_a_web_configuration_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    path = web_config(tmp_path, "nonsense: 1\n")
    code, said = await probed(FLATFILE_EXPORTER_WEB_CONFIG_FILE=str(path))
    assert code == 2
    assert f"nonsense (file {path}, line 1): is unknown" in said


def test_it_starts_without_the_daemon() -> None:
    loaded = "import sys; from exporter import probe; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, check=True, text=True
    )
    heavy = {"uvicorn", "httpx", "structlog", "sqlite3", "prometheus_client", "exporter.app"}
    assert not heavy & set(done.stdout.split())
