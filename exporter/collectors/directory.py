"""The newest complete listing of environments, shared by every collector that goes through them.

Ten askers at once cost one listing. When the listing fails, the last one serves on for a while,
so that a fault of one route does not stop the collectors of the others.
"""

import asyncio
from collections.abc import Callable

from exporter.errors import RoundError
from exporter.flatfile.models import Environment
from exporter.flatfile.protocol import Flatfile

_SERVES_ON = 600.0  # seconds; the least retention of anything measured


class Directory:
    """Used from the loop's thread only."""

    def __init__(self, admits: Callable[[str, str], bool]) -> None:
        """Keep the environments for which ``admits(id, name)``."""
        self._admits = admits
        self._lock = asyncio.Lock()
        self._listed: tuple[Environment, ...] = ()
        self._at = float("-inf")

    async def environments(
        self, flatfile: Flatfile, *, max_age: float, serve_on: bool = True
    ) -> tuple[Environment, ...]:
        """A listing at most ``max_age`` seconds old if it can be had, sorted by id.

        Raises what the client raises: at once unless an older one may ``serve_on``, else when the
        last listing is too old for that.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._at < max_age:
                return self._listed
            try:
                listed = await flatfile.environments()
            except RoundError:
                if serve_on and max_age > 0 and now - self._at <= _SERVES_ON:
                    return self._listed
                raise
            admitted = (e for e in listed if self._admits(e.id, e.name))
            self._listed = tuple(sorted(admitted, key=lambda environment: environment.id))
            self._at = now
            return self._listed
