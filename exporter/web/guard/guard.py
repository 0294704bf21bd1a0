"""The protection in force: read again whenever the file, or one that it names, has changed."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from exporter.errors import ConfigurationError, Mistake
from exporter.web.guard.entry import origin
from exporter.web.guard.files import SETTLED_NS, Stamp, stamp
from exporter.web.guard.protection import Loaded, Protection, load

_PATIENCE = 1.0  # seconds to wait for a disk; then what is in force is good enough

log = structlog.get_logger()


class Guard:
    """Asked for each connection and each request. A file that is bad changes nothing."""

    def __init__(self, path: Path, clock: Callable[[], int] = time.time_ns) -> None:
        """Read it for the first time. Raises ConfigurationError. ``clock`` gives Unix ns."""
        self._path = path
        self._clock = clock
        first = load(path)
        self._protection, self._digest = first.protection, first.digest
        self._stamps: Mapping[Path, Stamp] = {}  # of files that have not changed for a while
        self._problem: tuple[Mistake, ...] = ()
        self._look: asyncio.Task[None] | None = None
        self._say()

    @classmethod
    def of(cls, path: Path | None) -> "Guard | None":
        """None where there is nothing to guard. Raises ConfigurationError."""
        return None if path is None else cls(path)

    @property
    def protection(self) -> Protection:
        """As it was last read."""
        return self._protection

    async def current(self) -> Protection:
        """As the files say now. Those who ask at the same time share one look."""
        if self._look is None:
            self._look = asyncio.create_task(self._refresh(), name="guard")
        look = self._look
        await asyncio.wait({look}, timeout=_PATIENCE)
        if look.done():
            look.result()  # what is not expected comes out here
        return self.protection

    async def reread(self) -> None:
        """Read it now, changed or not. Raises ConfigurationError, and then nothing has changed."""
        await self._take(self._read)

    async def _refresh(self) -> None:
        problem: tuple[Mistake, ...] = ()
        try:
            await self._take(self._read_if_changed)
        except ConfigurationError as error:
            problem = error.mistakes
        finally:
            self._look = None
        if problem and problem != self._problem:
            lines = tuple(str(mistake) for mistake in problem)
            log.error("web_config_unusable", mistakes=lines, in_force="what was read before")
        elif self._problem and not problem:
            log.info("web_config_recovered")
        self._problem = problem

    async def _take(self, read: Callable[[], Loaded | None]) -> None:
        loaded = await asyncio.get_running_loop().run_in_executor(None, read)
        if loaded is None:
            return
        stamps, now = loaded.stamps, self._clock()
        settled = all(now - modified > SETTLED_NS for modified, *_ in stamps.values())
        self._stamps = stamps if settled else {}
        if loaded.digest != self._digest:
            self._protection, self._digest = loaded.protection, loaded.digest
            log.info("web_config_reread")
            self._say()

    def _read_if_changed(self) -> Loaded | None:
        seen = self._stamps
        same = bool(seen) and all(stamp(path) == before for path, before in seen.items())
        return None if same and not self._problem else self._read()

    def _read(self) -> Loaded:
        new = load(self._path)
        weaker = self._needs_a_restart(self._protection, new.protection)
        if weaker:
            raise ConfigurationError(*weaker)
        return new

    def _needs_a_restart(self, old: Protection, new: Protection) -> list[Mistake]:
        """A file that is being written is empty for a moment, and asks for nothing then."""
        found = []
        if (old.tls is None) is not (new.tls is None):
            message = "was removed or added; turning TLS on or off takes a restart"
            found.append(Mistake("tls_server_config", origin(self._path), message))
        if old.users and not new.users:
            message = "were all removed; serving without passwords takes a restart"
            found.append(Mistake("basic_auth_users", origin(self._path), message))
        return found

    def _say(self) -> None:
        for note in self.protection.notes:
            log.warning("web_config_note", note=note)
