"""The file of the embedded state, and the one thread that touches it.

SQLite in WAL mode. ``synchronous=FULL``: a commit that was reported is on the disk also after a
power cut (SQLite documentation, "PRAGMA synchronous"); it was measured to cost no more than
NORMAL here.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import structlog

from exporter.errors import StorageFailed
from exporter.state.schema import migrate

T = TypeVar("T")
FILE = "state.db"
_LOCKED = 5.0  # seconds to wait for another process that holds the file
_CACHE = 8_192  # KiB of page cache; the default 2 MiB thrashes on large stores
_CHECKPOINT = 4_000  # pages of WAL before it is folded in; fewer fsyncs in a burst
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

log = structlog.get_logger()


class Store:
    """Runs work in one transaction after the other, on a thread of its own.

    A file that cannot be used is tried again with each call: a disk that was full recovers
    without a restart. A damaged file is set aside beside the new one and never deleted.
    """

    def __init__(self, folder: Path | None, wall: Callable[[], float]) -> None:
        """Keep the state in ``folder``, or in memory if there is none."""
        self._folder = folder
        self._wall = wall
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        self._connection: sqlite3.Connection | None = None
        self.available: bool | None = None
        """Whether the newest attempt to use it worked; None before the first."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` in one transaction; it is undone if ``work`` raises.

        Raises StorageFailed. If the caller is cancelled meanwhile, the transaction still ends
        one way or the other, whole.
        """
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._thread, self._transact, work)
        except StorageFailed as error:
            if self.available is not False:
                log.error("state_unavailable", problem=str(error))  # noqa: TRY400 - expected
            self.available = False
            raise
        if self.available is False:
            log.info("state_recovered")
        self.available = True
        return result

    async def aclose(self) -> None:
        """Finish the transaction under way, then close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise  # our bug, not the disk's: it must end the process
        except sqlite3.DatabaseError as error:
            raise self._failed(error) from error
        except OSError as error:
            raise StorageFailed(
                f"the state in {self._folder} cannot be used: {error.strerror or error}; "
                "make storage.path a writable folder, or none"
            ) from error
        return result

    def _open(self) -> sqlite3.Connection:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        connection = sqlite3.connect(
            ":memory:" if self._folder is None else self._folder / FILE,
            timeout=_LOCKED,
            isolation_level=None,  # transactions are begun and ended by us, never implicitly
            check_same_thread=False,  # there is one thread; which one it is does not matter
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA cache_size=-{_CACHE}")
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
            migrate(connection)
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except ValueError as error:
            connection.close()
            raise StorageFailed(
                f"{self._file} was written by a newer version: {error}; "
                "run that version, or set another storage.path"
            ) from error
        except BaseException:
            connection.close()
            raise
        if verdict != "ok":
            self._set_aside(connection)
            raise StorageFailed(self._damaged(verdict))
        return connection

    def _failed(self, error: sqlite3.DatabaseError) -> StorageFailed:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
        if code in _DAMAGED:
            self._set_aside(self._connection)
            return StorageFailed(self._damaged(str(error)))
        self._drop()
        return StorageFailed(
            f"the state in {self._folder} cannot be used: {error}; free or repair the disk, "
            "make storage.path a writable folder, or none"
        )

    def _damaged(self, problem: str) -> str:
        return (
            f"{self._file} is damaged ({problem}); it was set aside beside itself and counting "
            "starts anew; restore a copy to keep the old counts"
        )

    def _set_aside(self, connection: sqlite3.Connection | None) -> None:
        """Rename the damaged file and its journal; never delete."""
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

    def _drop(self) -> None:
        """Forget the connection, so that the next call opens the file afresh."""
        connection, self._connection = self._connection, None
        # In memory the connection is the state: it must outlive an error.
        if self._folder is None:
            self._connection = connection
        elif connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it failed already; that was said
                connection.close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _file(self) -> str:
        return FILE if self._folder is None else str(self._folder / FILE)
