"""What waits to be asked again: each environment once, however many events name it."""

import asyncio
from collections.abc import Iterable


class Pending:
    """Ids with the loop time at which each is due. Used from the loop's thread only."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._changed = asyncio.Event()

    def add(self, ids: Iterable[str], at: float) -> None:
        """An id that waits already waits no longer than it would."""
        for id_ in ids:
            self._due[id_] = min(at, self._due.get(id_, at))
        self._changed.set()

    async def take(self, most: int) -> frozenset[str]:
        """Those that are due, the longest waiting first, once there are any."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            ready = sorted((at, id_) for id_, at in self._due.items() if at <= now)[:most]
            if ready:
                for _, id_ in ready:
                    del self._due[id_]
                return frozenset(id_ for _, id_ in ready)
            self._changed.clear()
            try:
                async with asyncio.timeout_at(min(self._due.values(), default=None)):
                    await self._changed.wait()
            except TimeoutError:
                continue
