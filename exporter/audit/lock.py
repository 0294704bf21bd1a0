"""Who feeds the audit log: one process at a time, by a lock on a file beside the store.

The lock is the operating system's (``flock``): it ends with the process, however that ends, so
that nothing stale has to be judged. It decides who reads the feed and hands records on. It does
not guard the chain: every transaction does that by itself, so that `audit redact` and `audit
backfill` may run beside a daemon.
"""

import fcntl
import os
from pathlib import Path

from exporter.errors import StorageFailed

FILE = "audit.lock"


class Lock:
    """Held from a successful :meth:`take` until :meth:`release`."""

    def __init__(self, folder: Path | None) -> None:
        """Of a store in ``folder``; one in memory has no rival."""
        self._folder = folder
        self._descriptor: int | None = None
        self.held = folder is None

    def take(self) -> bool:
        """Try once, without waiting. Blocks for as long as the file system does.

        Raises StorageFailed if the file cannot even be opened.
        """
        if self.held or self._folder is None:
            return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._folder / FILE, flags, 0o600)
        except OSError as error:
            raise StorageFailed(
                f"the lock of the audit log in {self._folder} cannot be opened: {error.strerror};"
                " make audit.path a writable folder"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:  # a network file system without locks
            os.close(descriptor)
            raise StorageFailed(
                f"the audit log in {self._folder} cannot be locked: {error.strerror}; put it on a"
                " file system that has locks, such as a local disk"
            ) from error
        self._descriptor, self.held = descriptor, True
        return True

    def release(self) -> None:
        """Let another process take it. Also when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor, self.held = None, False
