"""The sink ``file``: rotating JSON lines, for whatever tails files."""

import asyncio
import errno
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from exporter.audit.record import Entry
from exporter.audit.sinks.contract import NONE, Line, Rejected
from exporter.audit.sinks.lines import LineFile
from exporter.audit.sinks.progress import Progress
from exporter.audit.sinks.rotation import Rotation
from exporter.errors import DeliveryFailed, SinkRefused, SinkUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset(
    {
        errno.EEXIST,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.EINVAL,
    }
)


class FileSink:
    """Acknowledges what was fsynced. Nothing is refused for good: a disk takes any line."""

    name = "file"
    reasons: Collection[str] = ()

    def __init__(
        self,
        path: Path,
        line: Line,
        *,
        rotation: Rotation,
        wall: Callable[[], float],
    ) -> None:
        """Touch nothing yet. ``wall`` gives Unix seconds."""
        self._path = path
        self._line = line
        self._file = LineFile(path, rotation, wall)
        self._progress = Progress()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit-file")

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._write, tuple(entries))
        return NONE

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown(wait=False)

    def _write(self, entries: Sequence[Entry]) -> None:
        lacking = self._progress.lacking(entries)
        appended = self._file.append([self._line(entry) for entry in lacking])
        if appended.error is not None:
            self._progress.took(lacking[: appended.lines])
            raise self._failed(appended.error) from appended.error
        self._progress.finish(entries)

    def _failed(self, error: OSError) -> DeliveryFailed:
        if error.errno in _FULL:
            return SinkUnavailable(
                f"no room for {self._path}: free some, or keep fewer of its kind"
            )
        why = error.strerror or type(error).__name__
        if error.errno in _DENIED:
            return SinkRefused(
                f"{self._path} cannot be written: {why}; make it a file in a folder that this"
                " process may write to"
            )
        return SinkUnavailable(f"{self._path} cannot be written: {why}; look after the disk")
