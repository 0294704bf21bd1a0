"""Posting: time limits, TLS, proxies, answers of any size."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporter.audit.sinks.credentials import bearer, nothing
from exporter.audit.sinks.posting import Post
from exporter.errors import ConfigurationError, Mistake, SinkRefused, SinkUnavailable

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@asynccontextmanager
async def serving(answer: Answer, trust: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port."""

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(each, "127.0.0.1", 0, ssl=trust)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await writer.drain()


async def cut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\nx")
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def post_to(url: str, **options: Any) -> AsyncIterator[Post]:
    whole = {"headers": nothing, "timeout": 5.0, "wall": lambda: 0.0, **options}
    post = Post("Loki", "audit.sink.loki", url, **whole)
    try:
        yield post
    finally:
        await post.aclose()


@pytest.mark.parametrize(
    ("answer", "said"),
    [(cut, "cut off"), (dripping, "in time"), (nonsense, "cut off")],
)
async def test_no_whole_answer_is_unavailable(answer: Answer, said: str) -> None:
    async with serving(answer) as port, post_to(f"http://127.0.0.1:{port}", timeout=0.3) as post:
        with pytest.raises(SinkUnavailable, match=said):
            await post.send(b"x", {})


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    async with serving(endless) as port, post_to(f"http://127.0.0.1:{port}") as post:
        assert len((await post.send(b"x", {})).body) == 65_536


async def test_a_name_that_does_not_exist_is_unavailable() -> None:
    async with post_to("http://nowhere.invalid") as post:
        with pytest.raises(SinkUnavailable, match="resolved"):
            await post.send(b"x", {})


async def test_a_private_authority_is_trusted_once_it_is_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with serving(taken, server) as port:
        url = f"https://127.0.0.1:{port}"
        async with post_to(url) as post:
            with pytest.raises(SinkRefused, match="ca-file"):
                await post.send(b"x", {})
        async with post_to(url, ca_file=ca_file) as post:
            assert (await post.send(b"x", {})).status == 204


def test_a_file_that_holds_no_authority_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="ca-file"):
        Post(
            *("Loki", "audit.sink.loki", "https://h"),
            headers=nothing,
            timeout=1.0,
            wall=lambda: 0.0,
            ca_file=tmp_path / "ca.pem",
        )


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_wrong_ssl_cert_file_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        Post(
            *("Loki", "audit.sink.loki", "https://h"),
            headers=nothing,
            timeout=1.0,
            wall=lambda: 0.0,
        )


async def test_the_usual_proxy_is_used_and_a_wrong_one_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bytes] = []

    async def proxying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with serving(proxying) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with post_to("http://loki.invalid/push") as post:
            assert (await post.send(b"x", {})).status == 204
    assert seen[0].startswith(b"POST http://loki.invalid/push")
    monkeypatch.setenv("HTTP_PROXY", "mailto:proxy")
    with pytest.raises(ConfigurationError, match="proxy"):
        async with post_to("http://loki.invalid"):
            pass


async def test_a_secret_that_cannot_be_read_is_refused_with_its_own_message() -> None:
    def gone() -> str:
        raise ConfigurationError(Mistake("audit.sink.loki.password-file", "file /x", "is gone"))

    async with post_to("http://127.0.0.1:1", headers=bearer(gone)) as post:
        with pytest.raises(SinkRefused, match="password-file"):
            await post.send(b"x", {})
