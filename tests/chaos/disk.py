"""A disk that fails on command below one folder of a process, and a small one that runs full."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("failing_disk.c")
TROUBLES = {"full": b"f", "read-only": b"r", "fsync": b"s"}
"""What can go wrong with every file whose path holds the word that was chosen."""


@dataclass(frozen=True)
class FailingDisk:
    """``environ`` is for the process that is to suffer."""

    environ: Mapping[str, str]
    _control: Path

    @contextmanager
    def failing(self, how: str) -> Iterator[None]:
        """One of ``TROUBLES`` while the context lasts."""
        self._say(TROUBLES[how])
        try:
            yield
        finally:
            self._say(b"-")

    def _say(self, word: bytes) -> None:
        # In place: the process has this very file in its memory.
        with self._control.open("r+b") as control:
            control.write(word)


def failing_disk(compiler: str, folder: Path, word: str) -> FailingDisk:
    """For files whose path holds ``word``; what it needs is kept in ``folder``."""
    library, control = folder / "failing_disk.so", folder / "control"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    control.write_bytes(b"-")
    environ = {
        "LD_PRELOAD": str(library),
        "FAILING_CONTROL": str(control),
        "FAILING_PATH": word,
    }
    return FailingDisk(environ, control)


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[bool]:
    """A file system of that size at ``folder``; False if none may be mounted here."""
    folder.mkdir()
    options = f"size={kib}k,mode=700"
    mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    mounted = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)
