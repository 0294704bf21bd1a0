"""One process feeds the audit log at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from exporter.audit.lock import Lock
from exporter.errors import StorageFailed

OTHER = """
import sys, time
from pathlib import Path
from exporter.audit.lock import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.read()
"""


def _other(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _says(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_second_process_does_not_get_it_until_the_first_is_killed(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    first = _other(tmp_path)
    try:
        assert _says(first) == "True"
        assert not lock.take()
        assert not lock.held
    finally:
        _end(first)
    assert lock.take()
    second = _other(tmp_path)
    try:
        assert _says(second) == "False"
    finally:
        _end(second)
    lock.release()
    third = _other(tmp_path)
    try:
        assert _says(third) == "True"
    finally:
        _end(third)


def test_a_log_in_memory_has_no_rival() -> None:
    assert Lock(None).take()
    assert Lock(None).held


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match=r"make audit\.path a writable folder"):
        Lock(tmp_path / "file" / "audit").take()
