"""An emulated account that costs next to nothing: ``python -m tests.benchmarks.replay``.

Each answer is made by the emulator once and sent as ready bytes ever after, so that what is
measured is who asks: a server that shares the processor with it must not be the slower one.
"""

import argparse
import asyncio
import re
import sys

import httpx

from exporter.emulator import Emulator, Scale, World

_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_HEADERS = (b"authorization", b"content-type")  # all that the emulator looks at


class _Account:
    """``delay`` in seconds, for each answer."""

    def __init__(self, emulator: Emulator, delay: float) -> None:
        self.delay = delay
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=emulator), base_url="http://localhost"
        )
        self._ready: dict[bytes, bytes] = {}

    def ready(self, request: bytes) -> bytes | None:
        return self._ready.get(request.partition(b"\r\n")[0])

    async def made(self, request: bytes, body: bytes) -> bytes:
        first, *lines = request.split(b"\r\n")
        method, target, _ = first.decode().split()
        pairs = [line.split(b": ", 1) for line in lines if b": " in line]
        headers = [(name, value) for name, value in pairs if name.lower() in _HEADERS]
        answer = await self._client.request(method, target, content=body, headers=headers)
        content = answer.content
        made = (
            f"HTTP/1.1 {answer.status_code} -\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        ).encode() + content
        if answer.is_success:
            self._ready[first] = made
        return made


class _Connection(asyncio.Protocol):
    def __init__(self, account: _Account) -> None:
        self._account = account
        self._received = b""
        self._making: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ends, rest = self._received.partition(_HEAD_ENDS)
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if not ends or len(rest) < length:
            return
        self._received = rest[length:]  # nobody asks twice at once
        ready = self._account.ready(head)
        if ready is not None:
            asyncio.get_running_loop().call_later(self._account.delay, self._transport.write, ready)
        else:
            self._making = asyncio.create_task(self._make(head, rest[:length]))

    async def _make(self, head: bytes, body: bytes) -> None:
        made = await self._account.made(head, body)
        await asyncio.sleep(self._account.delay)
        self._transport.write(made)


async def _serve(environments: int, delay: float) -> None:
    scale = Scale(environments=environments, spaces=20, users=5, guests=5, events_per_minute=0)
    account = _Account(Emulator(World(scale)), delay)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(account), "127.0.0.1", 0
    )
    sys.stdout.write(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replay")
    parser.add_argument("--environments", type=int, required=True)
    parser.add_argument("--delay", type=float, required=True, help="seconds")
    chosen = parser.parse_args()
    asyncio.run(_serve(chosen.environments, chosen.delay))


if __name__ == "__main__":
    main()
