"""The server on real sockets."""

import asyncio
import signal
import socket
import tracemalloc
from contextlib import suppress

import httpx
import pytest

from exporter.errors import ConfigurationError
from exporter.settings import ListenAddress
from exporter.web.asgi import Receive, Scope, Send
from exporter.web.limits import Limits
from exporter.web.listeners import listen
from exporter.web.server import Server
from tests.web.sockets import LOOPBACK, SMALL, asked, end_of, serving, stalled, until, url
from tests.web.stages import Big, Place


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_every_address_is_served_with_ipv6_among_them() -> None:
    async with (
        serving(SMALL, LOOPBACK, Place("::1", 0), Place("", 0), Place("localhost", 0)) as running,
        httpx.AsyncClient() as client,
    ):
        hosts = [host for host, _ in running.addresses]
        assert hosts[:3] == ["127.0.0.1", "::1", "::"]
        assert all(port for _, port in running.addresses)
        for at in range(len(hosts)):
            assert (await client.get(url(running, at))).text == "hello world"


async def test_every_interface_means_ipv4_too() -> None:
    async with serving(SMALL, Place("", 0)) as running, httpx.AsyncClient() as client:
        port = running.addresses[0][1]
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello world"


def test_an_address_in_use_is_a_mistake_that_says_what_to_do() -> None:
    first = Server(SMALL)
    first.bind([LOOPBACK])
    taken = Place(*first.addresses[0])
    with pytest.raises(ConfigurationError) as caught:
        Server(SMALL).bind([taken, Place("192.0.2.1", 0), Place("nowhere.invalid", 0)])
    asyncio.run(first.stop(1))
    in_use, absent, unknown = caught.value.mistakes
    assert in_use.setting == absent.setting == unknown.setting == "web.listen-address"
    assert in_use.origin == str(taken)
    assert "in use" in in_use.message
    assert "another port" in in_use.message
    assert "no interface" in absent.message
    assert "cannot be resolved" in unknown.message


def test_after_a_failure_nothing_stays_bound() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = Place(*other.getsockname())
    with pytest.raises(ConfigurationError):
        Server(SMALL).bind([free, Place("192.0.2.1", 0)])
    again = Server(SMALL)
    again.bind([free])
    asyncio.run(again.stop(1))


async def test_who_connects_before_the_start_is_answered_after_it() -> None:
    running = Server(SMALL)
    running.bind([LOOPBACK])
    early = stalled(running, request=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    early.setblocking(False)
    await running.start()
    answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(early, 65536), 5)
    assert answer.startswith(b"HTTP/1.1 200 ")
    early.close()
    await running.stop(1)


async def test_an_answer_has_a_date_and_does_not_name_the_server() -> None:
    async with serving(SMALL) as running, httpx.AsyncClient() as client:
        headers = (await client.get(url(running))).headers
    assert headers["date"].endswith("GMT")
    assert "server" not in headers


async def test_a_connection_serves_many_requests() -> None:
    async with serving(SMALL) as running, httpx.AsyncClient() as client:
        for _ in range(3):
            assert (await client.get(url(running))).status_code == 200
        assert running.connections == 1


async def test_a_head_without_end_is_refused() -> None:
    async with serving(SMALL) as running:
        flood = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 2 * Limits().head
        assert (await asked(running, flood)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("at_once", [True, False], ids=["answered", "being answered"])
@pytest.mark.parametrize("apart", [True, False], ids=["in two pieces", "in one piece"])
async def test_a_body_that_breaks_is_its_sender_s_affair_and_no_line_in_the_log(
    at_once: bool, apart: bool, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not at_once:
            await go_on.wait()
        await SMALL(scope, receive, send)

    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    async with serving(app) as running:
        reader, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(head)
        if apart:
            await asyncio.sleep(0.05)  # whichever way it is received, the outcome is the same
        writer.write(b"no length\r\n")
        await until(lambda: running.connections == 0)
        go_on.set()
        answer = await reader.read()
        writer.close()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 200 ") if at_once else b"HTTP/1.1 400 ")
    assert not caplog.records


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00", b"GET /\x00 HTTP/9\r\n\r\n", b"\r\n" * 9]
)
async def test_noise_does_not_end_the_serving(noise: bytes) -> None:
    async with serving(SMALL) as running, httpx.AsyncClient() as client:
        silent = stalled(running, request=noise)
        assert (await client.get(url(running))).text == "hello world"
        silent.close()


async def test_twenty_stalled_readers_of_a_large_page_cost_little_memory() -> None:
    big = Big(tuple(bytes([i]) * 65536 for i in range(80)))  # 5 MiB
    async with serving(big) as running:
        tracemalloc.start()
        clients = [stalled(running) for _ in range(20)]
        await until(lambda: len(big.taken) == 20 and all(big.taken))
        await asyncio.sleep(0.3)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # In the process about 128 KiB each, and some hundred in the system's buffers.
        assert most < 20 * 300 * 1024
        assert max(big.taken) <= 16
        # The others are served meanwhile.
        async with httpx.AsyncClient() as client:
            assert len((await client.get(url(running))).content) == big.length
        for each in clients:
            each.close()
        await until(lambda: running.connections == 0)


async def test_a_reader_that_wakes_up_gets_the_whole_page() -> None:
    big = Big(tuple(bytes([i]) * 65536 for i in range(40)))
    async with serving(big) as running:
        reader, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(0.2)
        answer = await reader.read()
        assert answer.partition(b"\r\n\r\n")[2] == b"".join(big.chunks)
        writer.close()


async def test_a_reader_that_never_wakes_up_is_cut_off() -> None:
    big = Big((b"x" * 65536,) * 80)
    async with serving(big, limits=Limits(read_within=0.1)) as running:
        client = stalled(running)
        await until(lambda: bool(big.taken and big.taken[0]))
        await until(lambda: running.connections == 0)
        client.close()


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost:",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET",
    ],
)
async def test_a_request_that_never_ends_is_cut_off(start: bytes) -> None:
    async with serving(SMALL, limits=Limits(request_within=0.1, keep_alive=1)) as running:
        client = stalled(running, request=start)
        client.setblocking(False)
        for _ in range(5):  # a byte now and then does not help
            with suppress(OSError):
                client.send(b"x" if start else b"")
            await asyncio.sleep(0.04)
        await end_of(client)
        client.close()


async def test_silent_connections_make_room_for_those_that_ask() -> None:
    async with (
        serving(SMALL, limits=Limits(connections=5)) as running,
        httpx.AsyncClient() as client,
    ):
        scraper = (await client.get(url(running))).extensions["network_stream"]
        local = scraper.get_extra_info("client_addr")
        silent = [stalled(running, request=b"") for _ in range(30)]
        for each in silent[:26]:
            each.setblocking(False)
            await end_of(each)
        assert running.connections == 5
        again = (await client.get(url(running))).extensions["network_stream"]
        assert again.get_extra_info("client_addr") == local
        async with httpx.AsyncClient() as newcomer:
            assert (await newcomer.get(url(running))).text == "hello world"
        for each in silent:
            each.close()


async def test_stopping_closes_idle_connections_at_once() -> None:
    running = Server(SMALL)
    running.bind([LOOPBACK])
    await running.start()
    async with httpx.AsyncClient() as client:
        await client.get(url(running))
        silent = stalled(running, request=b"")
        await until(lambda: running.connections == 2)
        began = asyncio.get_running_loop().time()
        await running.stop(8)
        assert asyncio.get_running_loop().time() - began < 4
        assert running.connections == 0
        silent.close()


async def test_stopping_lets_an_answer_be_finished() -> None:
    release = asyncio.Event()

    async def slow(_: Scope, __: Receive, send: Send, /) -> None:
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await release.wait()
        await send({"type": "http.response.body", "body": b"done"})

    async with serving(slow) as running, httpx.AsyncClient() as client:
        place = running.addresses[0]
        answer = asyncio.create_task(client.get(url(running)))
        await until(lambda: running.connections == 1)
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(running.stop(5))
        await asyncio.sleep(0.05)
        with socket.socket() as late, pytest.raises(ConnectionRefusedError):
            late.connect(place)
        release.set()
        await stopping
        assert (await answer).text == "done"


async def test_stopping_takes_no_longer_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    async def endless(_: Scope, __: Receive, ___: Send, /) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    running = Server(endless)
    running.bind([LOOPBACK])
    await running.start()
    client = stalled(running)
    await until(lambda: running.connections == 1)
    await asyncio.sleep(0.05)
    began = asyncio.get_running_loop().time()
    await running.stop(0.3)
    assert 0.25 < asyncio.get_running_loop().time() - began < 3
    assert ended
    assert running.connections == 0
    assert not caplog.records
    client.close()


async def test_stopping_cuts_off_who_does_not_read() -> None:
    big = Big((b"x" * 65536,) * 80)
    running = Server(big)
    running.bind([LOOPBACK])
    await running.start()
    clients = [stalled(running) for _ in range(3)]
    await until(lambda: len(big.taken) == 3 and all(big.taken))
    await running.stop(0.2)
    assert running.connections == 0
    for each in clients:
        each.close()


async def test_the_signals_stay_ours() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    async with serving(SMALL):
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


async def test_an_answer_on_a_kept_connection_does_not_wait_for_an_acknowledgement() -> None:
    (one,) = listen([ListenAddress("127.0.0.1", 0)])
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[int] = loop.create_future()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raw = transport.get_extra_info("socket")
            accepted.set_result(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    server = await loop.create_server(Protocol, sock=one)
    _, writer = await asyncio.open_connection(*one.getsockname())
    assert await accepted
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
