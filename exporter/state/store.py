"""The file of the embedded state. It can be begun anew: what is lost then are counts."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from exporter.errors import StorageFailed
from exporter.state.lane import Lane, Manner
from exporter.state.schema import migrate

FILE = "state.db"
_CACHE = 8_192  # KiB of page cache; the default 2 MiB thrashes on large stores
_CHECKPOINT = 4_000  # pages of WAL before it is folded in; fewer fsyncs in a burst

_MANNER = Manner(
    file=FILE,
    name="state",
    setting="storage.path",
    remedy="make storage.path a writable folder, or none",
    pragmas={"cache_size": -_CACHE, "wal_autocheckpoint": _CHECKPOINT},
)

log = structlog.get_logger()


class Store(Lane):
    """A damaged file is set aside beside the new one and never deleted."""

    def __init__(self, folder: Path | None, wall: Callable[[], float]) -> None:
        """Keep the state in ``folder``, or in memory if there is none."""
        super().__init__(folder, _MANNER)
        self._wall = wall

    def _migrate(self, connection: sqlite3.Connection) -> None:
        migrate(connection)

    def _damaged(self, connection: sqlite3.Connection | None, problem: str) -> StorageFailed:
        """Rename the file and its journal; never delete."""
        self._set_aside(connection)
        return StorageFailed(
            f"{self._file} is damaged ({problem}); it was set aside beside itself and counting "
            "starts anew; restore a copy to keep the old counts"
        )

    def _set_aside(self, connection: sqlite3.Connection | None) -> None:
        if connection is not None:
            connection.close()
        self._connection = None
        if self._folder is None:
            return
        now = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        for suffix in ("", "-wal", "-shm"):
            part = self._folder / (FILE + suffix)
            if part.exists():
                part.rename(self._folder / f"{FILE}.damaged-{now}{suffix}")
        log.error("state_set_aside", file=f"{self._file}.damaged-{now}")
