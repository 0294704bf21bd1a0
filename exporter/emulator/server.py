"""The emulator on a real socket of the loopback interface."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from exporter.emulator.api import Emulator


class _Server(uvicorn.Server):
    """Tells when it accepts, and leaves the signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepts = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepts.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(emulator: Emulator, port: int = 0) -> AsyncIterator[str]:
    """Serves while the context lasts; gives the URL without a path, `http://127.0.0.1:PORT`.

    Port 0 takes a free one. OSError if the port is taken. Answers that hang are ended on leaving.
    """
    # With the protocol named, or asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            emulator,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=75,  # seconds; uvicorn's 5 would meet clients that ask every 5
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve([listener]))
        ready = asyncio.create_task(server.accepts.wait())
        try:
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ready.cancel()
            emulator.release()
            server.should_exit = True
            await running
