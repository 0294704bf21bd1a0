"""The application on the server: what a client on a socket gets, byte by byte."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from exporter.web.server import Server
from tests.web.stages import Place, many, showing

LARGE = many(20_000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place() -> AsyncIterator[tuple[str, int]]:
    running = Server(showing(LARGE))
    running.bind([Place("127.0.0.1", 0)])
    await running.start()
    yield running.addresses[0]
    await running.stop(1)


async def talk(place: tuple[str, int], *requests: str) -> list[tuple[str, int, bytes]]:
    """Send one after another on one connection; status line, Content-Length and body of each."""
    reader, writer = await asyncio.open_connection(*place)
    answers = []
    for request in requests:
        writer.write(request.replace("\n", "\r\n").encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        length = int(fields["content-length"])
        body = b"" if request.startswith("HEAD") else await reader.readexactly(length)
        answers.append((head.splitlines()[0], length, body))
    writer.close()
    return answers


async def test_head_and_get_follow_each_other_on_one_connection(place: tuple[str, int]) -> None:
    ask = "{} /metrics HTTP/1.1\nHost: x\n\n"
    head, get, again = await talk(place, ask.format("HEAD"), ask.format("GET"), ask.format("HEAD"))
    assert head == again == ("HTTP/1.1 200 OK", len(get[2]), b"")
    assert get[1] > 700_000
    assert get[2].count(b"\n") == 20_002


async def test_a_body_that_nobody_reads_does_no_harm(place: tuple[str, int]) -> None:
    post = "POST /-/reload HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello"
    chunked = "GET / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"
    answers = await talk(place, post, chunked, post)
    assert {status for status, _, _ in answers} == {"HTTP/1.1 200 OK"}


async def test_an_old_client_is_answered_and_closed(place: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*place)
    writer.write(b"GET /-/healthy HTTP/1.0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.endswith(b"\r\n\r\nThe exporter is healthy.\n")
    writer.close()


async def test_fifty_scrapers_at_once_get_the_same(place: tuple[str, int]) -> None:
    ask = "GET /metrics HTTP/1.1\nHost: x\nAccept-Encoding: gzip\n\n"
    answers = await asyncio.gather(*(talk(place, ask, ask) for _ in range(50)))
    assert len({body for each in answers for _, _, body in each}) == 1
