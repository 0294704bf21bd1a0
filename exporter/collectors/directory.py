"""The newest complete listing of environments, shared by every collector that goes through them.

Ten askers at once cost one listing, or one failure. When the listing fails, the last one serves on
for a while, so that a fault of one route does not stop the collectors of the others.

Where several processes share the account, each lists all of it and looks at its own part.
"""

import asyncio
from collections.abc import Callable

from exporter.errors import RoundError
from exporter.flatfile.models import Environment
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.urgency import urgency

_SERVES_ON = 600.0  # seconds; the least retention of anything measured


class Directory:
    """Used from the loop's thread only."""

    def __init__(
        self,
        admits: Callable[[str, str], bool],
        owns: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Keep the environments for which ``admits(id, name)``; those to ask about ``owns(id)``."""
        self._admits = admits
        self._owns = owns
        self._lock = asyncio.Lock()
        self._listed: tuple[Environment, ...] = ()
        self._own: tuple[Environment, ...] = ()
        self._at = float("-inf")
        self._outdated = False
        self._begun = 0  # listings so far
        self._ended = 0  # the number of the newest that succeeded or failed
        self._failure: RoundError | None = None  # of that one

    def outdated(self) -> None:
        """Something says that the listing has changed: the next asker gets a new one."""
        self._outdated = True

    async def environments(
        self, flatfile: Flatfile, *, max_age: float, serve_on: bool = True
    ) -> tuple[Environment, ...]:
        """Those of this shard, of a listing at most ``max_age`` seconds old if it can be had.

        Sorted by id. Raises what the client raises: at once unless an older one may ``serve_on``,
        else when the last listing is too old for that.
        """
        begun = self._begun
        async with self._lock:
            await self._refresh(flatfile, max_age, serve_on, begun)
            return self._own

    async def admitted(
        self, flatfile: Flatfile, *, max_age: float, serve_on: bool = True
    ) -> tuple[Environment, ...]:
        """As ``environments``, those of all shards."""
        begun = self._begun
        async with self._lock:
            await self._refresh(flatfile, max_age, serve_on, begun)
            return self._listed

    async def _refresh(
        self, flatfile: Flatfile, max_age: float, serve_on: bool, begun: int
    ) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._at < max_age and not self._outdated:
            return
        # One that began after this asker came is as new as one of its own would be.
        if self._ended <= begun:
            await self._list(flatfile, now)
        if self._failure is None:
            return
        if serve_on and max_age > 0 and now - self._at <= _SERVES_ON:
            return
        raise type(self._failure)(*self._failure.args)

    async def _list(self, flatfile: Flatfile, now: float) -> None:
        self._outdated = False
        self._begun += 1
        number = self._begun
        try:
            # Cheap, and every round waits for it: it does not stand behind what is less urgent
            # than some of those who wait.
            with urgency(now):
                listed = await flatfile.environments()
        except RoundError as error:
            self._failure, self._ended = error, number
            return
        admitted = (e for e in listed if self._admits(e.id, e.name))
        self._listed = tuple(sorted(admitted, key=lambda environment: environment.id))
        self._own = tuple(e for e in self._listed if self._owns(e.id))
        self._at, self._failure, self._ended = now, None, number
