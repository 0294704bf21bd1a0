"""Real files: rotated while they are read, torn by a kill, on a disk that is full."""

import asyncio
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exporter.audit.record import Entry
from exporter.audit.sinks.contract import Line
from exporter.audit.sinks.file import FileSink
from exporter.audit.sinks.rotation import Rotation, rotated
from exporter.errors import SinkRefused, SinkUnavailable
from tests.audit.sinks.stage import NOW, entries, line, uids
from tests.audit.sinks.tailing import Reader, tailing
from tests.support.processes import environment
from tests.support.turning import turning

NAME = "audit.jsonl"
LARGE = Rotation(max_size=1 << 30, max_age=1e12, keep=0)


@asynccontextmanager
async def sink_in(
    folder: Path, rotation: Rotation = LARGE, *, line: Line = line, now: list[float] | None = None
) -> AsyncIterator[FileSink]:
    clock = [NOW] if now is None else now
    sink = FileSink(folder / NAME, line, rotation=rotation, wall=lambda: clock[0])
    try:
        yield sink
    finally:
        await sink.aclose()


def lines_of(path: Path) -> list[bytes]:
    content = path.read_bytes()
    assert content.endswith(b"\n") or not content, "the last line is torn"
    return content.split(b"\n")[:-1]


def everything(folder: Path) -> list[str]:
    files = [*rotated(folder / NAME), folder / NAME]
    return [uid for path in files for uid in uids(lines_of(path))]


def expected(last: int) -> list[str]:
    return [e.uid for e in entries(1, last)]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


async def test_what_was_acknowledged_stands_in_the_file_a_line_for_each(tmp_path: Path) -> None:
    async with sink_in(tmp_path) as sink:
        assert await sink.send(entries(1, 3)) == {}
        assert await sink.send(entries(4, 5)) == {}
        assert everything(tmp_path) == expected(5)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
async def test_nobody_else_may_read_it_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    rotation = Rotation(max_size=1, max_age=86_400.0, keep=0)
    with umask(mask):
        async with sink_in(tmp_path, rotation) as sink:
            await sink.send(entries(1, 3))
    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes == {0o600}


async def test_a_file_that_others_could_read_is_closed_to_them_before_it_is_used(
    tmp_path: Path,
) -> None:
    (tmp_path / NAME).touch(mode=0o644)
    async with sink_in(tmp_path) as sink:
        await sink.send(entries(1, 1))
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


async def test_a_full_file_is_rotated_and_no_line_is_split(tmp_path: Path) -> None:
    size = len(line(entries(1, 1)[0])) + 1
    async with sink_in(tmp_path, Rotation(max_size=3 * size, max_age=86_400.0, keep=0)) as sink:
        await sink.send(entries(1, 8))
    assert [len(lines_of(p)) for p in rotated(tmp_path / NAME)] == [3, 3]
    assert everything(tmp_path) == expected(8)


async def test_a_new_day_begins_a_new_file_also_after_a_restart(tmp_path: Path) -> None:
    daily = Rotation(max_size=1 << 30, max_age=86_400.0, keep=0)
    now = [NOW]
    async with sink_in(tmp_path, daily, now=now) as sink:
        await sink.send(entries(1, 1))
        now[0] += 86_400
        await sink.send(entries(2, 2))
    os.utime(tmp_path / NAME, (now[0], now[0]))
    now[0] += 86_400
    async with sink_in(tmp_path, daily, now=now) as sink:
        await sink.send(entries(3, 3))
        await sink.send(entries(4, 4))
    assert [len(lines_of(p)) for p in rotated(tmp_path / NAME)] == [1, 1]
    assert everything(tmp_path) == expected(4)


async def test_so_many_rotated_files_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    async with sink_in(tmp_path, Rotation(max_size=1, max_age=86_400.0, keep=2)) as sink:
        await sink.send(entries(1, 6))
    assert everything(tmp_path) == expected(6)[-3:]


async def test_whoever_tails_the_files_gets_everything_over_many_rotations(tmp_path: Path) -> None:
    rotation = Rotation(max_size=2_000, max_age=86_400.0, keep=3)
    with tailing(tmp_path, f"{NAME}*") as reader:
        async with sink_in(tmp_path, rotation) as sink:
            for first in range(1, 2_000, 20):
                await sink.send(entries(first, first + 19))
                seen = len(reader.lines)
                # One that is slower than three rotations would find its file removed.
                while len(reader.lines) < first - 20:
                    assert len(reader.lines) >= seen
                    await asyncio.sleep(0.001)
    assert len(rotated(tmp_path / NAME)) == 3
    assert sorted(uids(reader.lines)) == expected(2_000), "something is missing, torn or twice"


@pytest.mark.parametrize("rest", [b'{"torn": "', b"x" * 200_000, b"\0" * 5_000])
async def test_a_torn_last_line_is_cut_off_before_anything_is_appended(
    tmp_path: Path, rest: bytes
) -> None:
    async with sink_in(tmp_path) as sink:
        await sink.send(entries(1, 3))
    with (tmp_path / NAME).open("ab") as file:
        file.write(rest)
    async with sink_in(tmp_path) as sink:
        await sink.send(entries(4, 5))
    assert everything(tmp_path) == expected(5)


async def test_a_reader_that_has_seen_a_torn_line_still_gets_every_line_whole(
    tmp_path: Path,
) -> None:
    def growing(entry: Entry) -> bytes:
        pad = str(entry.sequence) * 100 * entry.sequence
        return json.dumps({"uid": entry.uid, "pad": pad}).encode()

    reader = Reader(tmp_path, f"{NAME}*")
    async with sink_in(tmp_path, line=growing) as sink:
        await sink.send(entries(1, 2))
    # Killed in the middle of the fourth line of a batch that began with the third.
    with (tmp_path / NAME).open("ab") as file:
        third, fourth = (growing(e) for e in entries(3, 4))
        file.write(third + b"\n" + fourth[:300])
    reader.look()
    async with sink_in(tmp_path, line=growing) as sink:
        await sink.send(entries(3, 6))
    reader.look()
    reader.close()
    assert set(reader.lines) == {growing(e) for e in entries(1, 6)}


async def test_a_file_that_was_moved_or_removed_is_made_anew(tmp_path: Path) -> None:
    async with sink_in(tmp_path) as sink:
        await sink.send(entries(1, 1))
        (tmp_path / NAME).rename(tmp_path / "elsewhere")
        await sink.send(entries(2, 2))
        assert uids(lines_of(tmp_path / NAME)) == expected(2)[1:]
        (tmp_path / NAME).unlink()
        await sink.send(entries(3, 3))
        assert uids(lines_of(tmp_path / NAME)) == expected(3)[2:]


@pytest.mark.parametrize("obstacle", ["a folder", "a link", "a pipe", "a file for a folder"])
async def test_what_is_no_file_is_refused_until_the_operator_acts(
    tmp_path: Path, obstacle: str
) -> None:
    folder = tmp_path / "logs"
    path = folder / NAME
    if obstacle == "a file for a folder":
        folder.touch()
    else:
        folder.mkdir()
    match obstacle:
        case "a folder":
            path.mkdir()
        case "a link":
            path.symlink_to(tmp_path / "elsewhere")
        case "a pipe":
            os.mkfifo(path)
    async with sink_in(folder) as sink:
        with pytest.raises(SinkRefused, match="cannot be written"):
            await sink.send(entries(1, 1))
        (folder if obstacle == "a file for a folder" else path).rename(tmp_path / "aside")
        await sink.send(entries(1, 1))
        assert everything(folder) == expected(1)


@contextmanager
def tiny_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KiB, if we may mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("may not mount a file system; the limit on file sizes stands for it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_loses_and_repeats_nothing_and_goes_on_once_there_is_room(
    tmp_path: Path,
) -> None:
    with tiny_disk(tmp_path / "disk") as folder:
        filler = folder / "filler"
        filler.write_bytes(b"x" * 40_000)
        async with sink_in(folder, line=padded) as sink:
            for _ in range(3):
                with pytest.raises(SinkUnavailable, match="no room"):
                    await sink.send(entries(1, 60))
                assert 0 < len(lines_of(folder / NAME)) < 60
            filler.unlink()
            await sink.send(entries(1, 60))
            assert everything(folder) == expected(60)


async def test_a_file_that_was_emptied_from_outside_loses_nothing_on_a_full_disk(
    tmp_path: Path,
) -> None:
    with tiny_disk(tmp_path / "disk") as folder:
        filler = folder / "filler"
        async with sink_in(folder, line=padded) as sink:
            await sink.send(entries(1, 40))
            os.truncate(folder / NAME, 0)  # as logrotate does it with copytruncate
            filler.write_bytes(b"x" * 50_000)
            with pytest.raises(SinkUnavailable, match="no room"):
                await sink.send(entries(41, 60))
            filler.unlink()
            await sink.send(entries(41, 60))
            assert everything(folder) == expected(60)[40:]


async def test_a_line_that_somebody_else_has_begun_spoils_none_of_ours(tmp_path: Path) -> None:
    async with sink_in(tmp_path) as sink:
        await sink.send(entries(1, 2))
        with (tmp_path / NAME).open("ab") as file:
            file.write(b'{"torn": "')
        await sink.send(entries(3, 4))
    assert everything(tmp_path) == expected(4)


async def test_a_limit_on_the_size_of_files_leaves_whole_lines(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with sink_in(tmp_path, line=padded) as sink:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            with pytest.raises(SinkUnavailable, match="no room"):
                await sink.send(entries(1, 60))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert 0 < len(lines_of(tmp_path / NAME)) < 60
        await sink.send(entries(1, 60))
    assert everything(tmp_path) == expected(60)


def padded(entry: Entry) -> bytes:
    return json.dumps({"uid": entry.uid, "pad": "." * 1_000}).encode()


WRITER = """
import asyncio, sys, time
from pathlib import Path
from exporter.audit.sinks.file import FileSink
from exporter.audit.sinks.rotation import Rotation
from tests.audit.sinks.stage import entries
import json

def line(entry):
    return json.dumps({"uid": entry.uid, "pad": "." * 200_000}).encode()

async def main(path, first, last):
    rotation = Rotation(max_size=1_500_000, max_age=86_400.0, keep=0)
    sink = FileSink(Path(path), line, rotation=rotation, wall=time.time)
    while first < last:
        await sink.send(entries(first, first + 3))
        first += 4
        print(first, flush=True)

    await sink.aclose()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


@pytest.mark.peers
def test_nothing_is_acknowledged_before_it_and_its_name_are_on_the_disk(
    tmp_path: Path, need: Any
) -> None:
    strace = need("strace", "run tests/peers/install, or install the package strace")
    root, trace = Path(__file__).parents[3], tmp_path / "trace"
    calls = "trace=openat,write,ftruncate,fsync,rename"
    subprocess.run(
        [
            *(strace, "-f", "-y", "-e", calls, "-e", "signal=none", "-o", trace),
            *(sys.executable, "-c", WRITER, str(tmp_path / NAME), "1", "33"),
        ],
        env=environment({"PYTHONPATH": str(root)}),
        check=True,
        capture_output=True,
    )
    unsafe: set[str] = set()
    safe = acknowledged = 0
    for call in trace.read_text(errors="replace").splitlines():
        if re.search(rf"rename|O_CREAT.*{NAME}|{NAME}.*O_CREAT", call):
            unsafe.add(str(tmp_path))
        elif found := re.search(rf"(write|ftruncate)\(\d+<(.*{NAME})>", call):
            unsafe.add(found[2])
        elif found := re.search(r"fsync\(\d+<(.*?)>", call):
            safe += 1
            unsafe.discard(found[1])
        elif re.search(r'write\(1<[^>]*>, "\d', call):
            acknowledged += 1
            assert not unsafe, "acknowledged although it is not on the disk"
    assert acknowledged == 8
    assert safe >= acknowledged


def killed(path: Path, first: int, after: float) -> int:
    """Have a process write from ``first`` on and kill it in the middle; what to go on with."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", WRITER, str(path), str(first), "1000000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment({"PYTHONPATH": str(root)}), text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            first = int(process.stdout.readline())
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        for told in process.stdout:
            first = int(told)
    return first


def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    dice = Random(4)
    path = tmp_path / NAME
    first = 1
    with tailing(tmp_path, f"{NAME}*") as reader:
        for _ in range(6):
            first = killed(path, first, dice.uniform(0.0, 0.02))
        asyncio.run(_last(tmp_path, first))
    wanted = set(expected(first))
    assert first > 6 * 4 * 3
    assert set(everything(tmp_path)) >= wanted
    assert set(uids(reader.lines)) >= wanted


async def _last(folder: Path, first: int) -> None:
    async with sink_in(folder) as sink:
        await sink.send(entries(first, first))


async def test_the_loop_turns_while_the_disk_works(tmp_path: Path) -> None:
    def slow(entry: Entry) -> bytes:
        time.sleep(0.005)
        return line(entry)

    async with sink_in(tmp_path, line=slow) as sink:
        async with turning() as turns:
            await sink.send(entries(1, 10))
        assert turns() > 10
