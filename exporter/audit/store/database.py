"""The file of the audit log, and the one thread that writes it.

It is evidence: damage is said loudly and the file left exactly as it is. Other processes may
write it meanwhile (``audit redact``, ``audit backfill``).
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import structlog

from exporter.audit import head_file
from exporter.audit.keys import SigningKey
from exporter.audit.store import seal
from exporter.audit.store.schema import STEPS, migrate
from exporter.audit.store.seal import SignedHead
from exporter.errors import StorageFailed
from exporter.state.lane import Lane, Manner

T = TypeVar("T")

FILE = "audit.db"
HEAD_FILE = "head.json"
_CACHE = 32_768  # KiB of page cache: the index of the ids is written all over
_CHECKPOINT = 4_000  # pages of WAL before it is folded in; fewer fsyncs in a burst
_MANNER = Manner(
    file=FILE,
    name="audit",
    setting="audit.path",
    remedy="make audit.path a writable folder",
    # What is deleted is overwritten: what was erased must not be found on the disk.
    pragmas={"cache_size": -_CACHE, "wal_autocheckpoint": _CHECKPOINT, "secure_delete": 1},
)

log = structlog.get_logger()


class Database(Lane):
    """With a key, the head is signed in each transaction that moves it.

    At each new checkpoint the signed head is written to ``head.json`` beside the file and to
    ``heads``. When the file is opened it must still hold what these say, else it was cut, or an
    older copy was put in its place, and it is refused.
    """

    def __init__(
        self,
        folder: Path | None,
        wall: Callable[[], float],
        *,
        key: SigningKey | None = None,
        heads: Sequence[Path] = (),
    ) -> None:
        """Keep the log in ``folder``, or in memory if there is none."""
        super().__init__(folder, _MANNER)
        self._wall = wall
        self._key = key
        self._heads = (*heads, *(() if folder is None else (folder / HEAD_FILE,)))
        self._written: dict[Path, str] = {}  # the checkpoint that the head there speaks of
        self._unwritable = False

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        signed: SignedHead | None = None
        scrub = False

        def sealed(connection: sqlite3.Connection) -> T:
            nonlocal signed, scrub
            result = work(connection)
            if self._key is not None:
                signed = seal.sign(connection, self._key, self._wall())
            (scrub,) = connection.execute("SELECT scrub FROM chain").fetchone()
            return result

        result = super()._transact(sealed)
        if signed is not None:
            self._publish(signed)
        if scrub and self._connection is not None:
            _scrub(self._connection)
        return result

    def _open(self) -> sqlite3.Connection:
        # Read before the file is looked at: another process may move both on meanwhile.
        promised = [
            (path, head) for path in self._heads if (head := head_file.read(path)) is not None
        ]
        if promised and self._folder is not None and not (self._folder / FILE).exists():
            raise StorageFailed(
                f"{self._file} is gone, and {promised[0][0]} says that there was one; restore it, "
                "or move the signed head away to begin another log"
            )
        if self._folder is not None:
            _private(self._folder / FILE)
        connection = super()._open()
        try:
            for path, head in promised:
                _keeps(connection, path, head)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        migrate(connection)

    def _damaged(self, connection: sqlite3.Connection | None, problem: str) -> StorageFailed:
        """Let go of it, so that the next call looks it over again; it may be restored by then."""
        if self._folder is not None:
            self._connection = None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):  # it failed already; that is being said
                    connection.close()
        return StorageFailed(
            f"{self._file} is damaged ({problem}); it was left as it is; run `flatfile-exporter "
            "audit verify` on it, and restore a copy that verifies"
        )

    def _publish(self, signed: SignedHead) -> None:
        """Keep the head elsewhere too, once for each checkpoint. What fails is tried again.

        A place that cannot be written keeps no other from having the newest one.
        """
        checkpoint = signed.said["checkpoint"]
        problem = ""
        for path in self._heads:
            if self._written.get(path) != checkpoint:
                try:
                    head_file.write(path, signed)
                except StorageFailed as error:
                    problem = problem or str(error)
                else:
                    self._written[path] = checkpoint
        if problem and not self._unwritable:
            log.error("audit_head_unwritable", problem=problem)
        self._unwritable = bool(problem)


def reader(folder: Path) -> sqlite3.Connection:
    """The log for reading only. Raises StorageFailed if there is none that can be read."""
    path = folder / FILE
    try:
        found = path.exists()
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be looked at: {error.strerror}; let this user into its folder"
        ) from error
    if not found:
        raise StorageFailed(
            f"there is no audit log in {folder}; name the folder that holds {FILE} with --audit.path"
        )
    # Without its journal, and where none can be made, the file is as whole as it will ever be.
    still = not path.with_name(f"{FILE}-wal").exists() and not os.access(folder, os.W_OK)
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro{'&immutable=1' if still else ''}",
            uri=True,
            isolation_level=None,
        )
        (taken,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise StorageFailed(
            f"{path} cannot be read: {error}; make it and its folder readable for this user, or "
            "restore a copy"
        ) from error
    if taken != len(STEPS):
        connection.close()
        raise StorageFailed(
            f"{path} has schema {taken} and this version reads {len(STEPS)}; use the version that "
            "writes it, or start this one on it once"
        )
    return connection


def _private(path: Path) -> None:
    """Make the file before SQLite does: names of people are in it. Its journal gets its mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _keeps(connection: sqlite3.Connection, path: Path, head: SignedHead) -> None:
    problem = seal.contradiction(connection, head)
    if problem:
        raise StorageFailed(
            f"the audit log does not hold what the signed head {path} says: {problem}; restore "
            "the newest copy, or, once you know why, move the signed head away"
        )


def _scrub(connection: sqlite3.Connection) -> None:
    """Empty the journal, which may hold what was erased; after a later transaction if it is read.

    Without waiting for who reads it: others wait for this thread.
    """
    with contextlib.suppress(sqlite3.Error):  # what it is about was committed
        (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
        connection.execute("PRAGMA busy_timeout=0")
        try:
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                connection.execute("UPDATE chain SET scrub = 0")
        finally:
            connection.execute(f"PRAGMA busy_timeout={patience}")
