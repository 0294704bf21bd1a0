"""A file of lines that is appended to, whole lines only, and rotated. Blocks; not for the loop."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from exporter.audit.sinks.rotation import Rotation, next_name, rotated

MODE = 0o600
_BLOCK = 65536  # bytes read at once while looking for the last newline
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# O_NONBLOCK: opening a pipe would wait for a reader. O_NOFOLLOW: a link would be what is renamed.


@dataclass(frozen=True, slots=True)
class Appended:
    """How many of the lines are safe on the disk, and what kept the others from it."""

    lines: int
    error: OSError | None = None


@dataclass(slots=True)
class _Open:
    """The file at ``path`` right now; ``written`` is Unix seconds."""

    descriptor: int
    size: int
    written: float


class LineFile:
    """Belongs to one thread at a time. Opened on first use, and again after any trouble."""

    def __init__(self, path: Path, rotation: Rotation, wall: Callable[[], float]) -> None:
        self._path = path
        self._rotation = rotation
        self._wall = wall
        self._open: _Open | None = None

    def append(self, lines: Sequence[bytes]) -> Appended:
        """Each line, a newline after it, and all of that on the disk."""
        done = 0
        try:
            while done < len(lines):
                file = self._ready()
                some = lines[done : done + self._fitting(file, lines[done:])]
                written = self._write(file, some)
                done += written.lines
                if written.error is not None:
                    return Appended(done, written.error)
        except OSError as error:
            self.close()
            return Appended(done, error)
        return Appended(done)

    def close(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):  # what it held is on the disk, or was said to be not
                os.close(self._open.descriptor)
            self._open = None

    def _fitting(self, file: _Open, lines: Sequence[bytes]) -> int:
        """How many lines until the file is full; the one that fills it still belongs to it."""
        room = self._rotation.max_size - file.size
        for count, line in enumerate(lines, 1):
            room -= len(line) + 1
            if room <= 0:
                return count
        return len(lines)

    def _write(self, file: _Open, lines: Sequence[bytes]) -> Appended:
        begun = file.size
        data = memoryview(b"".join(line + b"\n" for line in lines))
        at = 0
        try:
            while at < len(data):
                at += os.write(file.descriptor, data[at:])
        except OSError as error:
            # The whole lines stay, since somebody may have read them already; the torn one goes.
            whole, end = 0, 0
            for count, length in enumerate(accumulate(len(line) + 1 for line in lines), 1):
                if length <= at:
                    whole, end = count, length
            os.ftruncate(file.descriptor, begun + end)
            os.fsync(file.descriptor)
            file.size, file.written = begun + end, self._wall()
            return Appended(whole, error)
        try:
            os.fsync(file.descriptor)
        except OSError:
            # After a failed fsync nobody knows what is on the disk, and a second one would say
            # that all is well (fsync(2), "Errors"): what was safe before is all there is.
            os.ftruncate(file.descriptor, begun)
            raise
        file.size += len(data)
        file.written = self._wall()
        return Appended(len(lines))

    def _ready(self) -> _Open:
        """The file, opened if need be, its last line whole, with room for another one."""
        if self._open is not None and not self._in_place(self._open):
            self.close()
        if self._open is None:
            self._open, torn = self._opened()
            # A reader may be past the cut, in a line that will never come. Were more appended
            # here, it would take that for the rest of the line; a shorter file and a new one
            # are both known to whatever tails files.
            if torn:
                self._rotate(self._open)
        file = self._open
        now = self._wall()
        if self._rotation.due(size=file.size, written=file.written, now=now):
            self._rotate(file)
        return self._open

    def _in_place(self, file: _Open) -> bool:
        """Whether it is still what stands at the path, and as we left it.

        An operator may have moved it, a program emptied it, and another one written into it.
        """
        try:
            there = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        return there.st_size == file.size and os.path.samestat(there, os.fstat(file.descriptor))

    def _rotate(self, file: _Open) -> None:
        before = rotated(self._path)
        self._path.rename(next_name(self._path, before, self._wall()))
        os.close(file.descriptor)
        self._open = None
        self._open, _ = self._opened()
        # Only now: the new file must not get the inode of a removed one, by which readers know it.
        for surplus in self._rotation.surplus(rotated(self._path)):
            surplus.unlink(missing_ok=True)

    def _opened(self) -> tuple[_Open, bool]:
        """The file at the path, made if need be, and whether its last line was torn."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(self._path, _FLAGS | os.O_CREAT, MODE)
        try:
            status = _regular(descriptor)
            os.fchmod(descriptor, MODE)
            whole = _whole(descriptor, status.st_size)
            if whole < status.st_size:
                os.ftruncate(descriptor, whole)
            os.fsync(descriptor)
            self._fsync_folder()
        except BaseException:
            os.close(descriptor)
            raise
        return _Open(descriptor, whole, status.st_mtime), whole < status.st_size

    def _fsync_folder(self) -> None:
        """So that a power cut takes no name away."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _regular(descriptor: int) -> os.stat_result:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return status


def _whole(descriptor: int, size: int) -> int:
    """Bytes up to and with the last newline."""
    end = size
    while end > 0:
        begin = max(0, end - _BLOCK)
        at = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0
