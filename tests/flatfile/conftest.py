"""The emulated service as the peer, in virtual time, and a session with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any, Protocol
from urllib.parse import parse_qsl

import httpx
import pytest

from exporter.emulator import Emulator, Scale, World
from exporter.emulator.asgi import Receive, Scope, Send
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.session import Session, connect
from tests.support.loop import VirtualLoop

PAIR = ClientPair(CLIENT_ID, SECRET)
QUIET = Scale(
    environments=3, spaces=240, users=130, guests=30, agents_per_environment=(2, 3),
    events_per_minute=12.0, rare=0.0,
)  # fmt: skip


class Peer:
    """Answers GETs with what ``answer`` gives for path and query, and mints for anybody.

    For what the emulator cannot be asked to say.
    """

    def __init__(self, answer: Callable[[str, dict[str, str]], str]) -> None:
        self._answer = answer
        self.asked: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            text = '{"accessToken":"t"}'
        else:
            query = dict(parse_qsl(scope["query_string"].decode()))
            self.asked.append(query)
            text = self._answer(scope["path"], query)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    @property
    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self)


class Opening(Protocol):
    def __call__(self, **changes: Any) -> Session: ...


@pytest.fixture
async def wall() -> Callable[[], float]:
    """Unix seconds of the virtual loop that the test runs in."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop.wall


@pytest.fixture
async def world(wall: Callable[[], float]) -> World:
    return World(QUIET, 7, wall)


@pytest.fixture
async def emulator(world: World) -> Emulator:
    return Emulator(world)


@pytest.fixture
async def opened(emulator: Emulator, wall: Callable[[], float]) -> AsyncIterator[Opening]:
    """Sessions with the emulator, without a socket; all are closed in the end."""
    sessions: list[Session] = []

    def opening(**changes: Any) -> Session:
        settings: dict[str, Any] = {
            "url": "http://flatfile.test/v1",
            "source": lambda: PAIR,
            "timeout": 30.0,
            "concurrency": 8,
            "requests_per_second": 1000.0,
            "page_size": 100,
            "clock": wall,
            "rng": Random(1),
            "transport": httpx.ASGITransport(emulator),
        }
        sessions.append(connect(**(settings | changes)))
        return sessions[-1]

    yield opening
    for session in sessions:
        await session.aclose()


@pytest.fixture
async def session(opened: Opening) -> Session:
    return opened()
