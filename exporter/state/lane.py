"""A file of SQLite's and the one thread that touches it: what every store is made on.

SQLite in WAL mode. ``synchronous=FULL``: a commit that was reported is on the disk also after a
power cut (SQLite documentation, "PRAGMA synchronous"); it was measured to cost no more than
NORMAL here.
"""

import asyncio
import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from exporter.errors import StorageFailed

T = TypeVar("T")
_LOCKED = 5.0  # seconds to wait for another process that holds the file
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """``name`` is that of the thread and the first word of what is logged.

    ``setting`` names the folder, and ``remedy`` is what to do when it cannot be used. ``pragmas``
    come beside the two above.
    """

    file: str
    name: str
    setting: str
    remedy: str
    pragmas: Mapping[str, int]


class Lane(ABC):
    """Runs work in one transaction after the other, on a thread of its own.

    A file that cannot be used is tried again with each call: a disk that was full recovers
    without a restart. What becomes of a damaged file, each store says for itself.
    """

    def __init__(self, folder: Path | None, manner: Manner) -> None:
        """Keep it in ``folder``, or in memory if there is none."""
        self._folder = folder
        self._manner = manner
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=manner.name)
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
                log.error(self._manner.name + "_unavailable", problem=str(error))  # noqa: TRY400, G003 - expected; an event's name
            self.available = False
            raise
        if self.available is False:
            log.info(self._manner.name + "_recovered")  # noqa: G003 - an event's name
        self.available = True
        return result

    async def aclose(self) -> None:
        """Finish the transaction under way, then close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    @abstractmethod
    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Make the tables. Raises ValueError if a newer version wrote the file."""

    def _look_over(self, connection: sqlite3.Connection) -> str:
        """``ok``, or what is wrong with a file that was just opened."""
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        return str(verdict).splitlines()[-1]  # the first one names the database: "main"

    @abstractmethod
    def _damaged(self, connection: sqlite3.Connection | None, problem: str) -> StorageFailed:
        """The file is not sound: see to it, and say so."""

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                if self.available is False:
                    _prove(connection)
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
            raise self._unusable(error.strerror or str(error)) from error
        return result

    def _open(self) -> sqlite3.Connection:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        connection = sqlite3.connect(
            ":memory:" if self._folder is None else self._folder / self._manner.file,
            timeout=_LOCKED,
            isolation_level=None,  # transactions are begun and ended by us, never implicitly
            check_same_thread=False,  # there is one thread; which one it is does not matter
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            for name, value in self._manner.pragmas.items():
                connection.execute(f"PRAGMA {name}={value}")
            self._migrate(connection)
            verdict = self._look_over(connection)
        except ValueError as error:
            connection.close()
            raise StorageFailed(
                f"{self._file} was written by a newer version: {error}; "
                f"run that version, or set another {self._manner.setting}"
            ) from error
        except BaseException:
            connection.close()
            raise
        if verdict != "ok":
            raise self._damaged(connection, verdict)
        return connection

    def _failed(self, error: sqlite3.DatabaseError) -> StorageFailed:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
        if code in _DAMAGED:
            return self._damaged(self._connection, str(error))
        self._drop()
        return self._unusable(str(error))

    def _unusable(self, problem: str) -> StorageFailed:
        return StorageFailed(
            f"the {self._manner.name} in {self._folder} cannot be used: {problem}; "
            f"free or repair the disk, {self._manner.remedy}"
        )

    def _drop(self) -> None:
        """Forget the connection, so that the next call opens the file afresh."""
        connection, self._connection = self._connection, None
        # In memory the connection is the store: it must outlive an error.
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
        return self._manner.file if self._folder is None else str(self._folder / self._manner.file)


def _prove(connection: sqlite3.Connection) -> None:
    """Change something for certain: after a failure, a disk has recovered once it takes a write.

    What is only read, or written again as it was, asks nothing of a disk that is full.
    """
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    connection.execute(f"PRAGMA application_id = {mark ^ 1}")
