"""Real pipes: read, not read, read slowly, and closed."""

import asyncio
import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.audit.record import Entry
from exporter.audit.sinks.stdout import StdoutSink
from exporter.errors import SinkUnavailable
from tests.audit.sinks.stage import entries, line, uids
from tests.support.processes import environment


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """Descriptors for reading and for writing; a test that closes one sets it to -1."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        if end >= 0:
            os.close(end)


@asynccontextmanager
async def writing_to(descriptor: int) -> AsyncIterator[StdoutSink]:
    sink = StdoutSink(padded, descriptor)
    try:
        yield sink
    finally:
        await sink.aclose()


def padded(entry: Entry) -> bytes:
    return line(entry)[:-1] + b', "pad": "' + b"." * 20_000 + b'"}'


def read_all(descriptor: int, *, until: int) -> list[bytes]:
    """Lines, once there are so many, or after a while in which nothing came."""
    data = b""
    while data.count(b"\n") < until and select.select([descriptor], [], [], 5.0)[0]:
        data += os.read(descriptor, 1 << 20)
    return data.split(b"\n")[:-1]


def expected(last: int) -> list[str]:
    return [e.uid for e in entries(1, last)]


async def test_each_record_is_a_line_however_long_and_however_slowly_it_is_read(
    pipe: list[int],
) -> None:
    async with writing_to(pipe[1]) as sink:
        reading = asyncio.create_task(asyncio.to_thread(read_all, pipe[0], until=50))
        await sink.send(entries(1, 50))
        assert uids(await reading) == expected(50)


async def test_a_pipe_that_nobody_empties_holds_up_neither_the_loop_nor_the_end(
    pipe: list[int],
) -> None:
    async with writing_to(pipe[1]) as sink:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await sink.send(entries(1, 50))
        assert time.monotonic() - begun < 1.0


async def test_what_was_cut_off_goes_on_where_it_was_without_a_torn_or_repeated_line(
    pipe: list[int],
) -> None:
    async with writing_to(pipe[1]) as sink:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await sink.send(entries(1, 50))
        reading = asyncio.create_task(asyncio.to_thread(read_all, pipe[0], until=50))
        await sink.send(entries(1, 50))
        assert uids(await reading) == expected(50)


async def test_a_reader_that_went_away_is_told_each_time_and_ends_nothing(
    pipe: list[int],
) -> None:
    os.close(pipe[0])
    pipe[0] = -1
    async with writing_to(pipe[1]) as sink:
        for _ in range(3):
            with pytest.raises(SinkUnavailable, match="has to read it"):
                await sink.send(entries(1, 3))


async def test_a_new_reader_of_a_named_pipe_gets_what_the_old_one_has_begun_to_read(
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY)
    try:
        async with writing_to(writer) as sink:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await sink.send(entries(1, 50))
            seen = os.read(reader, 1 << 20).split(b"\n")
            begun = len(seen)
            assert seen[-1], "no line was cut off"
            os.close(reader)
            with pytest.raises(SinkUnavailable):
                await sink.send(entries(1, 50))
            reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
            os.set_blocking(reader, True)
            left = 50 - begun + 2  # the end of the line that was cut off, and all of it again
            reading = asyncio.create_task(asyncio.to_thread(read_all, reader, until=left))
            await sink.send(entries(1, 50))
            assert uids((await reading)[1:]) == expected(50)[begun - 1 :]
    finally:
        os.close(reader)
        os.close(writer)


async def test_the_descriptor_stays_blocking_since_the_log_may_share_it(pipe: list[int]) -> None:
    async with writing_to(pipe[1]) as sink:
        await sink.send(entries(1, 1))
    assert not fcntl.fcntl(pipe[1], fcntl.F_GETFL) & os.O_NONBLOCK


async def test_a_descriptor_that_somebody_made_non_blocking_loses_nothing(
    pipe: list[int],
) -> None:
    os.set_blocking(pipe[1], False)
    async with writing_to(pipe[1]) as sink:
        reading = asyncio.create_task(asyncio.to_thread(read_all, pipe[0], until=50))
        await sink.send(entries(1, 50))
        assert uids(await reading) == expected(50)


async def test_a_full_disk_behind_it_is_told() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with writing_to(full) as sink:
            with pytest.raises(SinkUnavailable, match="No space left"):
                await sink.send(entries(1, 1))
    finally:
        os.close(full)


STUCK = """
import asyncio
from exporter.audit.sinks.stdout import StdoutSink
from tests.audit.sinks.stage import entries

async def main():
    sink = StdoutSink(lambda entry: b"." * 100_000)
    try:
        async with asyncio.timeout(0.1):
            await sink.send(entries(1, 50))
    finally:
        await sink.aclose()

asyncio.run(main())
"""


def test_a_process_whose_output_nobody_reads_can_end() -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", STUCK],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment({"PYTHONPATH": str(root)}),
    ) as process:
        assert process.wait(20) == 1
