"""A small emulated account at a clock that stands still until the test moves it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, Scale, World
from exporter.emulator.credentials import PAT

SMALL = Scale(environments=5, spaces=60, users=25, guests=40, events_per_minute=30)


@dataclass
class Clock:
    """Unix seconds, as the test says."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(SMALL, 7, clock)


@pytest.fixture
def emulator(world: World) -> Emulator:
    return Emulator(world)


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the emulator without a socket, with the personal token."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(emulator),
        base_url="http://flatfile.test/v1",
        headers={"Authorization": f"Bearer {PAT}"},
        timeout=None,  # noqa: S113 - there is no network that could be slow
    ) as speaking:
        yield speaking


@pytest.fixture
def walk(client: httpx.AsyncClient) -> Callable[..., Any]:
    """All things of a list, page by page until an empty one."""

    async def pages(path: str, size: int = 25, **query: Any) -> list[dict[str, Any]]:
        things: list[dict[str, Any]] = []
        number = 1
        while True:
            params = {"pageSize": size, "pageNumber": number, **query}
            answer = await client.get(path, params=params)
            assert answer.status_code == 200, answer.text
            page = answer.json()["data"]
            if not page:
                return things
            things += page
            number += 1

    return pages
