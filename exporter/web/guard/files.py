"""Small files, and how to see that one has changed without reading it again."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes. The authorities of a whole system are a quarter of that; a wrong path may be anything."""

SETTLED_NS = 2_000_000_000
"""File systems stamp in coarse ticks: until a stamp is this old, the same stamp proves nothing."""

Stamp = tuple[int, int, int, int]
"""Modification time (ns), size, inode, device; of the file that symbolic links lead to, so that
the swapped ``..data`` link of a Kubernetes secret is seen."""


class Unreadable(Exception):
    """The message says why, to the operator, and never what the file holds."""


@dataclass(frozen=True, slots=True)
class Content:
    """``mode`` as ``stat`` gives it."""

    data: bytes = field(repr=False)
    stamp: Stamp
    mode: int

    @property
    def open_to_others(self) -> bool:
        """Every user of the machine may read it. A group may: that is how servers share keys."""
        return bool(self.mode & stat.S_IROTH)


def read(path: Path) -> Content:
    """Raises Unreadable."""
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would hang the program.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Unreadable(_why(path, error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"{path} is not a regular file; name the file itself")
        data = _whole(descriptor)
    except OSError as error:
        raise Unreadable(_why(path, error)) from None
    finally:
        os.close(descriptor)
    if len(data) > LARGEST:
        raise Unreadable(f"{path} is larger than {LARGEST // 1024} KiB; is it the right one?")
    return Content(data, _stamp(status), status.st_mode)


def stamp(path: Path) -> Stamp | None:
    """None if there is no such file now, or none that can be looked at."""
    try:
        return _stamp(path.stat())
    except (OSError, ValueError):
        return None


def _whole(descriptor: int) -> bytes:
    data = b""
    while len(data) <= LARGEST and (piece := os.read(descriptor, LARGEST + 1)):
        data += piece
    return data


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)


def _why(path: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else "impossible path"
    return f"cannot read {path}: {reason}; correct the path or its permissions"
