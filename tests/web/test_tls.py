"""TLS on real sockets: who comes in, who does not, and what those who misbehave cost the others."""

import asyncio
import ssl
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from exporter.web.asgi import Receive, Scope, Send
from exporter.web.connection import Connection
from exporter.web.guard.guard import Guard
from exporter.web.limits import DEFAULT, Limits
from exporter.web.server import Server
from tests.web.guard.authority import Authority, with_tls
from tests.web.sockets import LOOPBACK, SMALL, asked, end_of, serving, stalled, until, url
from tests.web.stages import Big

HELLO = b"\x16\x03\x01\x02\x00\x01"  # the first bytes of one of 512 bytes
VERIFY = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("server")
    return made


def guarded(authority: Authority, *lines: str) -> Guard:
    return Guard(with_tls(authority.folder, *lines))


def client_of(authority: Authority, *shown: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=authority.trusting(*shown), trust_env=False)


async def opened(
    running: Server, context: ssl.SSLContext, limit: int = 65536
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = running.addresses[0]
    return await asyncio.open_connection(
        *place, ssl=context, server_hostname="localhost", limit=limit
    )


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Until the server closes, with or without a goodbye."""
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""


async def test_a_kept_connection_serves_many_requests(authority: Authority) -> None:
    async with (
        serving(SMALL, guard=guarded(authority)) as running,
        client_of(authority) as client,
    ):
        assert running.scheme == "https"
        for _ in range(3):
            assert (await client.get(url(running))).text == "hello world"
        assert running.connections == 1


async def test_the_application_sees_the_scheme(authority: Authority) -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send, /) -> None:
        seen.append(scope["scheme"])
        await SMALL(scope, receive, send)

    async with serving(app, guard=guarded(authority)) as running, client_of(authority) as client:
        await client.get(url(running))
    assert seen == ["https"]


async def test_plain_http_is_told_to_use_https_and_never_reaches_the_application(
    authority: Authority,
) -> None:
    app = Big((b"secret",))
    async with serving(app, guard=guarded(authority)) as running, client_of(authority) as client:
        for method in (b"GET", b"HEAD", b"POST", b"OPTIONS"):
            answer = await asked(running, method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert answer.endswith(b"\r\n\r\nThis port speaks HTTPS; ask with https:// in front.\n")
        assert app.taken == []
        await until(lambda: running.connections == 0)
        assert (await client.get(url(running))).text == "secret"


@pytest.mark.parametrize("noise", [b"\x00", b"\x80\x2e\x01\x03\x01", b"\r\n", b"SSH-2.0-x\r\n"])
async def test_what_is_neither_tls_nor_http_is_closed_without_a_word(
    authority: Authority, noise: bytes
) -> None:
    async with serving(SMALL, guard=guarded(authority)) as running:
        assert await asked(running, noise) == b""


@pytest.mark.parametrize("rest", [b"\x00" * 600, b"\xff" * 600, b"x" * 300_000])
async def test_what_only_begins_like_tls_is_closed(authority: Authority, rest: bytes) -> None:
    async with serving(SMALL, guard=guarded(authority)) as running, client_of(authority) as client:
        reader, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(HELLO + rest)
        assert b"HTTP" not in await rest_of(reader)
        writer.close()
        assert (await client.get(url(running))).text == "hello world"
        await until(lambda: running.connections == 1)


async def test_without_a_good_client_certificate_nobody_comes_in_and_the_others_do(
    authority: Authority, tmp_path: Path
) -> None:
    app = Big((b"hello",))
    good = authority.issue("good")
    stranger = Authority(tmp_path, "stranger").issue("unknown")
    bad = ((), authority.issue("expired", days=-1), stranger)
    async with (
        serving(app, guard=guarded(authority, *VERIFY)) as running,
        client_of(authority, *good) as scraper,
    ):
        assert (await scraper.get(url(running))).text == "hello"
        with capture_logs() as logs:
            for shown in bad:
                async with client_of(authority, *shown) as client:
                    with pytest.raises((httpx.TransportError, ssl.SSLError), match="alert"):
                        await client.get(url(running))
            await until(lambda: running.connections == 1)
        assert len(app.taken) == 1
        assert [log["reason"] for log in logs] == [
            "PEER_DID_NOT_RETURN_A_CERTIFICATE",
            "certificate has expired",
            "unable to get local issuer certificate",
        ]
        assert {log["log_level"] for log in logs} == {"debug"}
        assert (await scraper.get(url(running))).text == "hello"


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
async def test_a_certificate_with_another_name_is_cut_off_before_its_request_is_read(
    authority: Authority, version: str
) -> None:
    app = Big((b"hello",))
    named, other = authority.issue("named", "scraper.test"), authority.issue("other", "other.test")
    names = "client_allowed_sans: [scraper.test]"
    guard = guarded(authority, *VERIFY, names, f"max_version: {version}")
    async with serving(app, guard=guard) as running:
        for shown, status in ((named, 200), (other, 0)):
            async with client_of(authority, *shown) as client:
                try:
                    found = (await client.get(url(running))).status_code
                except httpx.TransportError:
                    found = 0
            assert found == status
        assert len(app.taken) == 1
        await until(lambda: running.connections == 0)


async def test_a_new_certificate_counts_for_the_next_connection_and_old_ones_go_on(
    authority: Authority,
) -> None:
    async def serial(client: httpx.AsyncClient) -> object:
        stream = (await client.get(url(running))).extensions["network_stream"]
        return stream.get_extra_info("ssl_object").getpeercert()["serialNumber"]

    async with (
        serving(SMALL, guard=guarded(authority)) as running,
        client_of(authority) as kept,
        client_of(authority) as late,
    ):
        before = await serial(kept)
        authority.issue("server")
        assert await serial(late) != before
        assert await serial(kept) == before
        (authority.folder / "server.key").write_text("junk")
        async with client_of(authority) as later:
            assert await serial(later) == await serial(late)


async def test_certificates_can_be_replaced_under_load_without_one_failed_request(
    authority: Authority,
) -> None:
    pairs = [authority.issue(f"next-{n}") for n in range(5)]

    async def ask() -> int:
        async with client_of(authority) as client:
            return (await client.get(url(running))).status_code

    async with serving(SMALL, guard=guarded(authority)) as running:
        for certificate, key in pairs:
            asking = [asyncio.create_task(ask()) for _ in range(8)]
            await asyncio.sleep(0)
            certificate.replace(authority.folder / "server.crt")
            key.replace(authority.folder / "server.key")
            assert set(await asyncio.gather(*asking)) == {200}


@pytest.mark.parametrize("start", [b"", HELLO, HELLO + b"\x00" * 300])
async def test_a_handshake_that_never_ends_is_cut_off(authority: Authority, start: bytes) -> None:
    limits = Limits(request_within=0.2)
    async with (
        serving(SMALL, limits=limits, guard=guarded(authority)) as running,
        client_of(authority) as client,
    ):
        slow = stalled(running, request=start)
        slow.setblocking(False)
        assert (await client.get(url(running))).text == "hello world"
        await end_of(slow)
        slow.close()


async def test_a_request_that_never_ends_is_cut_off_behind_tls_too(authority: Authority) -> None:
    limits = Limits(request_within=0.2)
    async with serving(SMALL, limits=limits, guard=guarded(authority)) as running:
        reader, writer = await opened(running, authority.trusting())
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        assert await rest_of(reader) == b""
        writer.close()
        await until(lambda: running.connections == 0)


@pytest.mark.parametrize("start", [b"", HELLO])
async def test_idle_connections_make_room_for_those_that_ask(
    authority: Authority, start: bytes
) -> None:
    async with (
        serving(SMALL, limits=Limits(connections=5), guard=guarded(authority)) as running,
        client_of(authority) as scraper,
    ):
        first = (await scraper.get(url(running))).extensions["network_stream"]
        silent = [stalled(running, request=start) for _ in range(40)]
        for each in silent[:30]:
            each.setblocking(False)
            await end_of(each)
        assert running.connections <= 5
        async with client_of(authority) as newcomer:
            assert (await newcomer.get(url(running))).text == "hello world"
        again = (await scraper.get(url(running))).extensions["network_stream"]
        local = first.get_extra_info("client_addr")
        assert again.get_extra_info("client_addr") == local  # kept through all of this
        for each in silent:
            each.close()


async def test_clients_in_the_middle_of_a_handshake_cost_little_memory(
    authority: Authority,
) -> None:
    """The protocol of asyncio would take 256 KiB for each."""
    async with serving(SMALL, guard=guarded(authority)) as running:
        await asyncio.sleep(0)
        tracemalloc.start()
        clients = [stalled(running, request=HELLO) for _ in range(50)]
        await until(lambda: running.connections == 50)
        await asyncio.sleep(0.2)
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert now < 50 * 64 * 1024
        for each in clients:
            each.close()
        await until(lambda: running.connections == 0)


async def test_a_reader_that_does_not_read_holds_little_of_a_large_page(
    authority: Authority,
) -> None:
    big = Big((b"x" * 65536,) * 160)  # 10 MiB
    async with serving(big, guard=guarded(authority)) as running:
        reader, writer = await opened(running, authority.trusting(), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: bool(big.taken))  # in TLS 1.3 the client is there before the server
        (connection,) = running._connections
        assert isinstance(connection, Connection)
        size = connection.transport.get_write_buffer_size
        await until(lambda: size() > 0)
        await asyncio.sleep(0.3)
        assert size() < 3 * 65536  # 64 KiB, and the piece that went beyond
        answer = await asyncio.wait_for(reader.read(), 20)
        assert len(answer.partition(b"\r\n\r\n")[2]) == big.length
        writer.close()


async def test_the_end_of_an_answer_waits_for_a_slow_reader_before_the_connection_is_closed(
    authority: Authority,
) -> None:
    big = Big((b"x" * 65536,) * 40)

    def read_slowly() -> bytes:
        """In a thread, since the streams of asyncio read ahead."""
        client = authority.trusting().wrap_socket(narrow, server_hostname="localhost")
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        taken = b""
        while big.taken != [40]:  # then all that is left lies in buffers
            taken += client.recv(4096)
        time.sleep(1.5)
        while piece := client.recv(65536):
            taken += piece
        client.close()
        return taken

    async with serving(big, guard=guarded(authority)) as running:
        narrow = stalled(running, request=b"")
        answer = await asyncio.to_thread(read_slowly)
        assert len(answer.partition(b"\r\n\r\n")[2]) == big.length


async def test_a_reader_that_never_wakes_up_is_cut_off_behind_tls_too(
    authority: Authority,
) -> None:
    big = Big((b"x" * 65536,) * 160)
    limits = Limits(read_within=0.2)
    async with serving(big, limits=limits, guard=guarded(authority)) as running:
        _, writer = await opened(running, authority.trusting(), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: bool(big.taken and big.taken[0]))
        await until(lambda: running.connections == 0)
        writer.transport.abort()


async def test_stopping_ends_handshakes_and_idle_connections_soon(authority: Authority) -> None:
    running = Server(SMALL, DEFAULT, guarded(authority))
    running.bind([LOOPBACK])
    await running.start()
    async with client_of(authority) as client:
        await client.get(url(running))
        silent = [stalled(running, request=start) for start in (b"", HELLO)]
        await until(lambda: running.connections == 3)
        began = asyncio.get_running_loop().time()
        await running.stop(8)
        assert asyncio.get_running_loop().time() - began < 4
        assert running.connections == 0
        for each in silent:
            each.close()


async def test_stopping_lets_an_answer_be_finished_behind_tls_too(authority: Authority) -> None:
    release = asyncio.Event()

    async def slow(_: Scope, __: Receive, send: Send, /) -> None:
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await release.wait()
        await send({"type": "http.response.body", "body": b"done"})

    async with serving(slow, guard=guarded(authority)) as running, client_of(authority) as client:
        answer = asyncio.create_task(client.get(url(running)))
        await until(lambda: running.connections == 1)
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(running.stop(5))
        await asyncio.sleep(0.05)
        release.set()
        await stopping
        assert (await answer).text == "done"


async def test_a_client_that_leaves_in_the_middle_of_a_handshake_is_forgotten(
    authority: Authority,
) -> None:
    async with serving(SMALL, guard=guarded(authority)) as running:
        for start in (b"", b"\x16", HELLO):
            gone = stalled(running, request=start)
            await until(lambda: running.connections == 1)
            gone.close()
            await until(lambda: running.connections == 0)


Curl = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def curl(need: Any) -> Curl:
    """Runs it; its exit code and what it writes."""
    program = need("curl", "apt-get install curl")

    async def run(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            program, "-sS", "-m", "10", "--noproxy", "*", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    return run


@pytest.mark.peers
async def test_curl_comes_in_with_its_certificate_and_not_without(
    authority: Authority, curl: Curl
) -> None:
    certificate, key = authority.issue("good")
    guard = guarded(authority, *VERIFY)
    async with serving(SMALL, guard=guard) as running:
        place = f"https://localhost:{running.addresses[0][1]}/"
        trust = ("--cacert", str(authority.pem))
        mine = ("--cert", str(certificate), "--key", str(key))
        for version in ("--tlsv1.3", "--tls-max=1.2"):
            option = version.split("=")
            assert await curl(*option, *trust, *mine, "--http2", place, place) == (
                0,
                "hello world" * 2,
            )
        code, said = await curl(*trust, place)
        assert code == 56, said  # told in the middle, as TLS 1.3 does
        code, said = await curl(*mine, place)
        assert code == 60, said
        code, said = await curl("-i", place.replace("https", "http"))
        assert said.startswith("HTTP/1.1 400 Bad Request")
