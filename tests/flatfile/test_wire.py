"""The same over real sockets: what hangs, drips, floods, cuts and leads astray."""

import asyncio
import errno
import gzip
import logging
import resource
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from random import Random

import httpx
import pytest
from structlog.testing import capture_logs

from exporter import __version__, errors
from exporter.emulator import Emulator, Fault, Scale, World
from exporter.emulator.credentials import PAT
from exporter.emulator.server import serve
from exporter.flatfile import failure
from exporter.flatfile.body import read
from exporter.flatfile.credential import PersonalToken
from exporter.flatfile.session import Session, connect
from exporter.flatfile.transport import Connections

SMALL = Scale(environments=2, spaces=5, users=30, guests=4, events_per_minute=0, rare=0)
EMPTY = b'{"data":[]}'

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Hasty(Random):
    """Its jitter is always the least, so that the pauses between attempts take no time."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def opened(
    url: str, limit: float = 2.0, token: str = PAT, ca_file: Path | None = None,
    concurrency: int = 8,
) -> AsyncIterator[Session]:  # fmt: skip
    session = connect(
        url,
        lambda: PersonalToken(token),
        timeout=limit,
        concurrency=concurrency,
        requests_per_second=1000.0,
        page_size=100,
        clock=time.time,
        rng=Hasty(1),
        ca_file=ca_file,
    )
    try:
        yield session
    finally:
        await session.aclose()


@asynccontextmanager
async def speaking(handler: Handler, trust: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says exactly what the test wants, and the port it listens on."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=trust)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def head(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\r\n\r\n")).decode()


def answer(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


@pytest.fixture
async def emulator() -> Emulator:
    return Emulator(World(SMALL, 3))


async def test_hangs_and_drips_end_in_time(emulator: Emulator) -> None:
    async with serve(emulator) as url, opened(url, 0.3) as session:
        for fault in (Fault("hang", route="/users"), Fault("drip", route="/users", delay=0.1)):
            emulator.faults.set([fault])
            began = time.monotonic()
            with pytest.raises(errors.TimedOut):
                await session.flatfile.users()
            assert time.monotonic() - began < 4 * 0.3 + 1.0
            assert session.usage.up is False
        emulator.faults.clear()
        assert len(await session.flatfile.users()) == 30


async def test_an_endless_body_and_a_huge_one_are_cut_off_without_filling_memory(
    emulator: Emulator,
) -> None:
    async with serve(emulator) as url, opened(url, 20.0) as session:
        await session.flatfile.guests(next(iter(emulator.world.account.spaces)).id)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for fault in (Fault("endless", route="/guests"), Fault("huge", route="/guests")):
            emulator.faults.set([fault])
            with pytest.raises(errors.TooLarge, match="32 MiB"):
                await session.flatfile.guests()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 160 * 1024  # KiB; server and client share this process


async def test_a_small_body_that_inflates_to_a_gigabyte_is_cut_off() -> None:
    bomb = gzip.compress(b"\0" * 256 * 1024 * 1024, 1)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer(bomb, "Content-Encoding: gzip"))

    async with speaking(handler) as port, opened(f"http://127.0.0.1:{port}", 20.0) as session:
        with pytest.raises(errors.TooLarge):
            await session.flatfile.guests()


async def test_one_chunk_is_inflated_no_further_than_the_bound() -> None:
    bomb = gzip.compress(b"\0" * 256 * 1024 * 1024)

    async def chunks() -> AsyncIterator[bytes]:
        yield bomb

    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=chunks())
    tracemalloc.start()
    try:
        with pytest.raises(errors.TooLarge):
            await read(response, "GET /guests")
        assert tracemalloc.get_traced_memory()[1] < 128 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (gzip.compress(EMPTY, mtime=0), "gzip", None),
        (EMPTY, "identity", None),
        (gzip.compress(EMPTY, mtime=0)[:-9], "gzip", errors.Malformed),
        (b"no gzip", "gzip", errors.Malformed),
        (EMPTY, "br", errors.Malformed),
    ],
    ids=["gzip", "plain", "cut gzip", "no gzip", "not asked for"],
)
async def test_compressed_bodies_are_read_and_damaged_ones_are_malformed(
    body: bytes, encoding: str, kind: type[Exception] | None
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer(body, f"Content-Encoding: {encoding}"))

    async with speaking(handler) as port, opened(f"http://127.0.0.1:{port}") as session:
        if kind is None:
            assert await session.flatfile.guests() == ()
        else:
            with pytest.raises(kind, match="/guests"):
                await session.flatfile.guests()


@pytest.mark.parametrize("cut", ["header", "body"])
async def test_a_cut_answer_is_unreachable_and_tried_again(emulator: Emulator, cut: str) -> None:
    async with serve(emulator) as url, opened(url) as session:
        emulator.faults.add(Fault("disconnect", route="/users", cut=cut, count=1))  # type: ignore[arg-type] # one of them
        assert len(await session.flatfile.users()) == 30
        emulator.faults.add(Fault("disconnect", route="/users", cut=cut))  # type: ignore[arg-type] # one of them
        with pytest.raises(errors.Unreachable, match="cut off"):
            await session.flatfile.users()
        assert session.usage.up is False


async def test_a_peer_that_speaks_no_http_is_unreachable() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 CANARY mail.example ESMTP\r\n")

    async with speaking(handler) as port, opened(f"http://127.0.0.1:{port}") as session:
        with pytest.raises(errors.Unreachable) as caught:
            await session.flatfile.guests()
        assert "CANARY" not in str(caught.value)


async def test_a_closed_port_and_an_unknown_name_say_what_is_wrong(emulator: Emulator) -> None:
    async with serve(emulator) as url:
        pass
    async with opened(url) as session:
        where = url.removeprefix("http://")
        with pytest.raises(errors.Unreachable, match=f"from {where}: .* refused; check api.url"):
            await session.flatfile.guests()
    async with opened("http://no-such-host.invalid", 5.0) as session:
        with pytest.raises(errors.Unreachable, match="name cannot be resolved"):
            await session.flatfile.guests()


def test_what_this_machine_lacks_is_not_said_of_the_api() -> None:
    lacking = OSError(errno.EMFILE, "Too many open files")
    said = str(failure.of_exception("GET /users", "api.test", lacking))
    assert said.endswith("too many open files; allow this process more of them")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_the_token_goes_nowhere(
    emulator: Emulator, status: int
) -> None:
    visits: list[str] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await head(reader))
        writer.write(answer(EMPTY))

    async with serve(emulator) as url, opened(url) as session, speaking(elsewhere) as port:
        location = f"http://localhost:{port}/v1/users?CANARY"
        emulator.faults.add(Fault("redirect", route="/users", status=status, location=location))
        with pytest.raises(errors.Redirected, match=r"to localhost,.* set api\.url") as caught:
            await session.flatfile.users()
        assert "CANARY" not in str(caught.value)
        assert session.usage.up is False
        assert visits == []
        emulator.faults.set(
            [Fault("redirect", route="/users", status=status, location="/v2/users")]
        )
        with pytest.raises(errors.Redirected, match="a redirect, which"):
            await session.flatfile.users()


async def test_every_request_carries_what_the_api_wants_and_no_cookie() -> None:
    heads: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            heads.append((await head(reader)).lower())
            writer.write(answer(EMPTY, "Set-Cookie: a=b; Path=/"))

    async with speaking(handler) as port, opened(f"http://127.0.0.1:{port}", token="t") as session:
        await session.flatfile.guests()
        await session.flatfile.guests("us_sp_1")
    for line in (
        "authorization: bearer t",
        "accept: application/json",
        "x-disable-hooks: true",
        f"user-agent: flatfile-exporter/{__version__}",
    ):
        assert all(f"\r\n{line}\r\n" in text for text in heads)
    assert len(heads) == 2
    assert not any("cookie" in text for text in heads)
    assert heads[1].startswith("get /v1/guests?spaceid=us_sp_1 http/1.1\r\n")


async def test_no_request_waits_in_a_pool_with_others() -> None:
    connections = Connections(40, 1.0)
    with ExitStack() as stack:
        taken = [stack.enter_context(connections.taken()) for _ in range(40)]
        assert len({id(client) for client in taken}) == 40
    await connections.aclose()


async def test_forty_at_once_are_all_in_flight_together() -> None:
    present, most = 0, 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal present, most
        await head(reader)
        present += 1
        most = max(most, present)
        await asyncio.sleep(0.5)
        present -= 1
        writer.write(answer(EMPTY))

    async with (
        speaking(handler) as port,
        opened(f"http://127.0.0.1:{port}", 10.0, concurrency=40) as session,
    ):
        await asyncio.gather(*(session.flatfile.guests() for _ in range(80)))
    assert most == 40


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1; key.pem beside it."""
    certificate = tmp_path / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", tmp_path / "key.pem", "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate


async def test_a_private_authority_is_trusted_only_if_it_is_named(authority: Path) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer(EMPTY))

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority, authority.with_name("key.pem"))
    async with speaking(handler, server) as port:
        url = f"https://127.0.0.1:{port}"
        async with opened(url, ca_file=authority) as session:
            assert await session.flatfile.guests() == ()
        async with opened(url) as session:
            with pytest.raises(errors.Unreachable, match=r"not trusted.*api\.ca-file"):
                await session.flatfile.guests()
        async with opened(f"http://127.0.0.1:{port}") as session:
            with pytest.raises(errors.Unreachable):
                await session.flatfile.guests()


async def test_the_certificates_of_ssl_cert_file_are_trusted(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer(EMPTY))

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority, authority.with_name("key.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    async with speaking(handler, server) as port, opened(f"https://127.0.0.1:{port}") as session:
        assert await session.flatfile.guests() == ()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_certificates_are_read_only_where_tls_is_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with (
        nullcontext()
        if scheme == "http"
        else pytest.raises(errors.ConfigurationError, match="SSL_CERT_FILE")
    ):
        async with opened(f"{scheme}://127.0.0.1:9"):
            pass
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # what lies behind it may be TLS
    with pytest.raises(errors.ConfigurationError, match="SSL_CERT_FILE"):
        async with opened(f"{scheme}://127.0.0.1:9"):
            pass


async def test_a_proxy_of_the_environment_is_used_except_where_no_proxy_says_not(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    first_lines: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first_lines.append((await head(reader)).partition("\r\n")[0])
        writer.write(answer(EMPTY))

    async with speaking(handler) as port, serve(emulator) as url:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with opened("http://flatfile.invalid") as session:
            await session.flatfile.guests()
        assert first_lines == ["GET http://flatfile.invalid/v1/guests HTTP/1.1"]
        async with opened(url) as session:
            await session.flatfile.users()
        assert len(first_lines) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("content", [None, "no PEM"])
async def test_a_ca_file_that_cannot_be_used_is_a_mistake_in_the_configuration(
    tmp_path: Path, content: str | None, scheme: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(errors.ConfigurationError, match=r"api\.ca-file"):
        async with opened(f"{scheme}://x", ca_file=path):
            pass


async def test_a_proxy_that_cannot_be_used_is_a_mistake_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://u:CANARY@127.0.0.1:1")
    with pytest.raises(errors.ConfigurationError, match="HTTPS_PROXY") as caught:
        async with opened("https://x"):
            pass
    assert "CANARY" not in str(caught.value)


async def test_no_message_log_or_repr_shows_a_credential_or_what_the_peer_said(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator.credentials.pat = "pat_CANARY"
    faults = [
        Fault("status", status=status) for status in (400, 401, 403, 404, 429, 500, 503)
    ] + [
        Fault("html"), Fault("cut_json"), Fault("wrong_types"), Fault("nulls"), Fault("empty"),
        Fault("redirect", location="http://u:CANARY@CANARY_host/?CANARY"), Fault("hang"),
        Fault("disconnect"), Fault("missing_fields"),
    ]  # fmt: skip
    seen: list[str] = []
    with capture_logs() as logs:
        for fault in faults:
            async with serve(emulator) as url, opened(url, 0.2, token="pat_CANARY") as session:
                emulator.faults.set([fault])
                with pytest.raises(errors.RoundError) as caught:
                    await session.flatfile.guests("us_sp_CANARY")
                error: BaseException | None = caught.value
                while error is not None:  # whoever prints a traceback prints these too
                    assert isinstance(error, errors.RoundError)  # httpx's hold the request
                    seen += [str(error), repr(error)]
                    error = error.__cause__ if error.__suppress_context__ else error.__context__
                seen += [repr(session), repr(session.keeper.status()), str(session.usage.reading())]
    assert len(seen) >= len(faults) * 5
    assert "CANARY" not in "".join(seen) + str(logs) + caplog.text
