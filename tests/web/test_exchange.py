"""What one request and its answer do to a connection, byte by byte."""

import asyncio
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.web.asgi import Receive, Scope, Send
from exporter.web.limits import Limits
from tests.web.sockets import SMALL, asked, serving

_ROOT = Path(__file__).parents[2]
_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_FLOOD = 50_000_000  # bytes; the buffers of the system hold some of them
_LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _paths(scope: Scope, _: Receive, send: Send) -> None:
    """Answers with method and path, a little later."""
    await asyncio.sleep(0.01)
    body = f"<{scope['method']} {scope['path']}?{scope['query_string'].decode()}>".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def test_requests_that_come_in_one_go_are_answered_in_their_order() -> None:
    asking = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(3))
    async with serving(_paths) as running, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(asking)
        found = await reader.readuntil(b"<GET /2?>")
        writer.write(_LAST)
        found += await reader.read()
        writer.close()
    assert [found.count(b"<GET /%b?>" % path) for path in (b"0", b"1", b"2", b"last")] == [1] * 4
    assert found.index(b"/0?") < found.index(b"/1?") < found.index(b"/2?") < found.index(b"/last?")


async def test_the_path_is_unquoted_and_the_query_is_as_it_came() -> None:
    asking = b"GET /a%20b?c=%20d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serving(_paths) as running:
        assert b"<GET /a b?c=%20d>" in await asked(running, asking)


async def test_nothing_after_the_last_request_is_looked_at() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await _paths(scope, receive, send)

    async with serving(app) as running, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(_LAST + b"noise")
        await begun.wait()
        writer.write(b"more of it")
        await asyncio.sleep(0.05)
        go_on.set()
        found = await reader.read()
        writer.close()
    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.endswith(b"<GET /last?>")


@pytest.mark.parametrize(
    "more",
    [
        b"Upgrade: websocket\r\nConnection: upgrade\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n",
        b"Expect: 100-continue\r\nContent-Length: 0\r\n",
    ],
    ids=["websocket", "h2c", "expect"],
)
async def test_what_a_client_would_rather_speak_is_answered_in_http(more: bytes) -> None:
    asking = b"GET / HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n"
    async with serving(_paths) as running:
        found = await asked(running, asking + _LAST)
    assert found.startswith(b"HTTP/1.1 200 ")
    assert b"<GET /?>" in found
    assert found.endswith(b"<GET /last?>")


async def test_a_connection_that_is_kept_for_nothing_is_closed() -> None:
    async with serving(SMALL, limits=Limits(keep_alive=0)) as running:
        assert (await asked(running, _GET)).startswith(b"HTTP/1.1 200 ")


async def _never(_: Scope, __: Receive, ___: Send) -> None:
    return


async def _at_once(_: Scope, __: Receive, ___: Send) -> None:
    raise OSError("CANARY")


async def _halfway(_: Scope, __: Receive, send: Send) -> None:
    headers = [(b"content-length", b"10")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise OSError("CANARY")


async def _odd(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"\r\n")]})


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (_never, b"HTTP/1.1 500 "),
        (_at_once, b"HTTP/1.1 500 "),
        (_halfway, b"HTTP/1.1 200 "),
        (_odd, b"HTTP/1.1 500 "),
    ],
    ids=["no-answer", "raised", "raised-halfway", "no-http"],
)
async def test_an_answer_that_fails_is_logged_and_never_looks_whole(
    app: object, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as running:  # type: ignore[arg-type] # each of them is one
        found = await asked(running, _GET)
    assert found.startswith(said)
    assert b"CANARY" not in found
    assert not found.startswith(b"HTTP/1.1 200 ") or found.endswith(b"half")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_the_application_learns_that_its_client_has_left() -> None:
    told = asyncio.Event()

    async def app(_: Scope, receive: Receive, __: Send) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        told.set()

    async with serving(app) as running:
        _, writer = await asyncio.open_connection(*running.addresses[0])
        writer.write(_GET)
        await asyncio.sleep(0.05)
        assert not told.is_set()
        writer.close()
        async with asyncio.timeout(5):
            await told.wait()


async def test_requests_behind_one_that_is_being_answered_wait_outside() -> None:
    async def app(_: Scope, receive: Receive, __: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    sent = 0
    async with serving(app) as running:
        with socket.create_connection(running.addresses[0]) as client, suppress(TimeoutError):
            client.setblocking(False)
            async with asyncio.timeout(0.5):
                while sent < _FLOOD:
                    await asyncio.get_running_loop().sock_sendall(client, _GET * 1000)
                    sent += len(_GET) * 1000
    assert sent < _FLOOD


def test_serving_loads_no_server_of_others() -> None:
    code = "import sys, exporter.web.server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, check=True)
    imported = set(done.stdout.decode().split())
    assert "h11" in imported
    assert not imported & {"uvicorn", "click", "multiprocessing", "logging.config", "pickle"}


async def test_of_a_client_that_hangs_up_meanwhile_nothing_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, sent = socket.socket(), asyncio.Event()
    # A reset instead of a farewell, so that writing fails at once.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def app(_: Scope, __: Receive, send: Send) -> None:
        client.close()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _number in range(50):  # without a moment for the loop to see it
            await send({"type": "http.response.body", "body": b"x" * 1_000, "more_body": True})
        sent.set()

    async with serving(app) as running, asyncio.timeout(5):
        client.connect(running.addresses[0])
        client.sendall(_GET)
        await sent.wait()
        await asyncio.sleep(0.05)
    assert caplog.text == ""
