"""One secret in one file, read again when the file changes.

The file is compared by what ``stat`` says, following symbolic links, so that a Kubernetes secret
(whose ``..data`` link is swapped) and a file replaced by ``mv`` are both seen.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import ConfigurationError, Mistake
from exporter.settings.kinds import credential

LARGEST = 64 * 1024
"""Bytes. No credential is longer; a path to the wrong file should not fill the memory."""

_SETTLED_NS = 2_000_000_000
# File systems stamp in coarse ticks: a file written twice within one keeps its stamp. Until a
# stamp is this old, the same stamp proves nothing and the file is read again.

_NO_PATH = (
    "there is no such file, and none of its folders; give the whole path of a file that holds the"
    " secret, or the secret itself to the setting without -file"
)

Stamp = tuple[int, int, int, int]


class SecretUnreadable(Exception):
    """The file cannot be used. The message names the file, never what it holds.

    Nor a secret that was given in the place of a file's name.
    """


def read_secret(path: Path) -> str:
    """Read the secret; raises SecretUnreadable with a message for the operator."""
    return _read(path)[0]


def _read(path: Path) -> tuple[str, Stamp]:
    descriptor = _opened(path)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SecretUnreadable(f"{path} is not a regular file; name the file itself")
        content = _content(descriptor)
    except OSError as error:
        raise SecretUnreadable(f"cannot read {path}: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise SecretUnreadable(f"{path} is larger than {LARGEST // 1024} KiB; is it the right one?")
    try:
        return credential(content.decode("utf-8-sig")), _stamp(status)
    except UnicodeDecodeError:
        raise SecretUnreadable(f"{path} is not text in UTF-8; is it the right file?") from None
    except ValueError as error:
        raise SecretUnreadable(f"{path} {error}") from None


def _opened(path: Path) -> int:
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would hang the program.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise SecretUnreadable(
            f"may not read {path}; give the user of this process read access"
        ) from None
    except (OSError, ValueError) as error:
        if not _is_path(path):
            raise SecretUnreadable(_NO_PATH) from None
        if isinstance(error, FileNotFoundError):
            raise SecretUnreadable(
                f"there is no file {path}; create it or correct the path"
            ) from None
        reason = error.strerror if isinstance(error, OSError) else "impossible path"
        raise SecretUnreadable(f"cannot read {path}: {reason}; correct the path") from None


def _is_path(path: Path) -> bool:
    """Whether one of its folders is there: else it may be the secret itself."""
    with contextlib.suppress(OSError):  # a name that is too long for a file is no folder either
        return any(folder.is_dir() for folder in path.parents if folder.name)
    return False


def _content(descriptor: int) -> bytes:
    content = b""
    while len(content) <= LARGEST and (piece := os.read(descriptor, LARGEST + 1)):
        content += piece
    return content


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)


@dataclass
class FileSecret:
    """Call it for the present value; ConfigurationError, naming ``setting``, if there is none."""

    setting: str
    path: Path
    clock: Callable[[], int] = time.time_ns
    _value: str = field(default="", init=False, repr=False)
    _seen: Stamp | None = field(default=None, init=False, repr=False)

    def __call__(self) -> str:
        if not self._unchanged():
            try:
                value, stamp = _read(self.path)
            except SecretUnreadable as error:
                mistake = Mistake(self.setting, f"file {self.path}", str(error))
                raise ConfigurationError(mistake) from None
            settled = self.clock() - stamp[0] > _SETTLED_NS
            self._value, self._seen = value, stamp if settled else None
        return self._value

    def _unchanged(self) -> bool:
        try:
            return self._seen is not None and _stamp(self.path.stat()) == self._seen
        except OSError:
            return False
