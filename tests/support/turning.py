"""Whether the event loop turns while something is under way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def turning() -> AsyncIterator[Callable[[], int]]:
    """How often it has turned since the beginning of the block, until its end."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(turn())
    try:
        yield lambda: turns
    finally:
        task.cancel()
