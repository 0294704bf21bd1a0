"""Opening the log of a folder: a command never makes one, and says clearly where there is none."""

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from exporter.audit.keys import SigningKey
from exporter.audit.place import Place
from exporter.audit.store.database import FILE, Database, reader
from exporter.errors import StorageFailed


@contextmanager
def reading(place: Place) -> Iterator[sqlite3.Connection]:
    """The log, for reading beside the daemon. Raises StorageFailed, also if there is none."""
    try:
        with closing(reader(place.folder)) as connection:
            yield connection
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StorageFailed(
            f"the audit log {place.folder / FILE} cannot be read: {error}; make it readable for "
            "this user, or restore a copy if it is damaged"
        ) from error


@asynccontextmanager
async def writing(place: Place, *, signing: bool = True) -> AsyncIterator[Database]:
    """The log, for writing beside the daemon; ``signing`` where records are appended.

    Raises StorageFailed, also where the key is missing: one made now would sign what nobody could
    check against the older signatures.
    """
    _exists(
        place.folder / FILE,
        f"there is no audit log in {place.folder}; name the folder that holds {FILE} with "
        "--audit.path, or have the daemon make one (--audit)",
    )
    key = None
    if signing:
        _exists(
            place.key,
            f"there is no signing key {place.key}; name the one that began this log with "
            "--audit.signing-key-file",
        )
        key = SigningKey.load_or_make(place.key)
    database = Database(place.folder, time.time, key=key, heads=place.heads)
    try:
        yield database
    finally:
        await database.aclose()


def _exists(path: Path, otherwise: str) -> None:
    try:
        found = path.is_file()
    except OSError as error:
        raise StorageFailed(f"{path} cannot be looked at: {error.strerror or error}") from error
    if not found:
        raise StorageFailed(otherwise)
