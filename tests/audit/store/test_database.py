"""The file: signed, checked when it is opened, and never begun anew behind anybody's back."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.audit import head_file
from exporter.audit.store import chain, seal
from exporter.audit.store.checkpoints import checkpoint
from exporter.audit.store.database import FILE, HEAD_FILE, Database, reader
from exporter.audit.verify import verify
from exporter.errors import StorageFailed
from tests.audit.store.stage import KEY, NOW, OTHER, drafts, one, uids


@asynccontextmanager
async def _open(folder: Path | None, **options: Any) -> AsyncIterator[Database]:
    database = Database(folder, lambda: NOW, **{"key": KEY, **options})
    try:
        yield database
    finally:
        await database.aclose()


def _append(*numbers: int) -> Callable[[sqlite3.Connection], chain.Appended]:
    return lambda log: chain.append(log, drafts(*numbers), now=NOW)


def _checkpoint(log: sqlite3.Connection) -> object:
    return checkpoint(log, KEY, NOW)


def _holds(log: sqlite3.Connection) -> bool:
    return verify(log, public_key=KEY.public, head=None).ok


async def test_each_transaction_leaves_a_signed_head(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        for numbers in ((1, 2), (), (3,)):
            await database.run(_append(*numbers))
            assert await database.run(_holds)
        assert await database.run(uids) == ["us_evt_1", "us_evt_2", "us_evt_3"]


async def test_a_log_in_memory_works_and_touches_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with _open(None) as database:
        await database.run(_append(1))
        await database.run(_checkpoint)
        assert await database.run(_holds)
    assert list(tmp_path.iterdir()) == []


async def test_each_checkpoint_is_written_down_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "other disk" / "head.json"
    async with _open(tmp_path / "log", heads=[elsewhere]) as database:
        await database.run(_append(1))
        for path in (elsewhere, tmp_path / "log" / HEAD_FILE):
            found = head_file.read(path)
            assert found is not None
            assert found.sequence == 1
        await database.run(_append(2))
        await database.run(_append(3))
        assert head_file.read(elsewhere) == found
        await database.run(_checkpoint)
        newest = head_file.read(elsewhere)
        assert newest is not None
        assert newest.sequence == 3
        assert await database.run(seal.signed) == newest


async def test_a_head_that_cannot_be_written_is_said_once_and_tried_again(tmp_path: Path) -> None:
    elsewhere = tmp_path / "other disk" / "head.json"
    with capture_logs() as logs:
        async with _open(tmp_path / "log", heads=[elsewhere]) as database:
            await database.run(_append(1))
            elsewhere.unlink()
            elsewhere.parent.rmdir()
            elsewhere.parent.write_text("a file where the folder should be")
            for number in (2, 3, 4):
                await database.run(_append(number))
                await database.run(_checkpoint)
            elsewhere.parent.unlink()
            await database.run(_append(5))
    assert [line["event"] for line in logs] == ["audit_head_unwritable"]
    found = head_file.read(elsewhere)
    assert found is not None
    assert found.sequence == 5


async def test_a_place_that_cannot_be_written_keeps_no_other_from_having_the_newest_head(
    tmp_path: Path,
) -> None:
    away, still = tmp_path / "away" / "head.json", tmp_path / "still" / "head.json"
    async with _open(tmp_path / "log", heads=[away, still]) as database:
        await database.run(_append(1))
        away.unlink()
        away.parent.rmdir()
        away.parent.write_text("a file where the folder should be")
        await database.run(_append(2))
        newest = await database.run(_checkpoint)
        for path in (still, tmp_path / "log" / HEAD_FILE):
            assert head_file.read(path) == newest


async def _after_three_checkpoints(folder: Path) -> None:
    async with _open(folder) as database:
        for number in (1, 2, 3):
            await database.run(_append(number))
            await database.run(_checkpoint)


async def test_an_older_copy_is_refused_until_the_newest_is_back(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(1))
    old = (tmp_path / FILE).read_bytes()
    await _after_three_checkpoints(tmp_path)
    new = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(old)
    async with _open(tmp_path) as database:
        for _ in range(2):
            with pytest.raises(StorageFailed, match="ends with record 3, the log with 1"):
                await database.run(_append(4))
        assert database.available is False
        (tmp_path / FILE).write_bytes(new)
        await database.run(_append(4))
        assert await database.run(_holds)


async def test_an_older_copy_that_went_on_is_refused(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(1))
    old = (tmp_path / FILE).read_bytes()
    await _after_three_checkpoints(tmp_path)
    head = (tmp_path / HEAD_FILE).read_bytes()
    (tmp_path / FILE).write_bytes(old)
    (tmp_path / HEAD_FILE).unlink()
    async with _open(tmp_path) as database:
        await database.run(_append(7, 8, 9))
    (tmp_path / HEAD_FILE).write_bytes(head)
    async with _open(tmp_path) as database:
        with pytest.raises(StorageFailed, match="record 3 is another one"):
            await database.run(_append(4))


async def test_a_log_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    await _after_three_checkpoints(tmp_path)
    (tmp_path / FILE).unlink()
    async with _open(tmp_path) as database:
        with pytest.raises(StorageFailed, match=r"audit\.db is gone"):
            await database.run(_append(4))
        assert not (tmp_path / FILE).exists()
        (tmp_path / HEAD_FILE).unlink()
        await database.run(_append(1))


async def test_another_key_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(1))
    async with _open(tmp_path, key=OTHER) as database:
        with pytest.raises(StorageFailed, match="begun with the key"):
            await database.run(_append(2))
    async with _open(tmp_path) as database:
        assert await database.run(uids) == ["us_evt_1"]


async def test_a_file_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(lambda log: log.execute("PRAGMA user_version = 99").fetchall())
    content = (tmp_path / FILE).read_bytes()
    async with _open(tmp_path) as database:
        with pytest.raises(StorageFailed, match="newer version"):
            await database.run(_append(1))
    assert (tmp_path / FILE).read_bytes() == content
    with pytest.raises(StorageFailed, match="schema 99"):
        reader(tmp_path)


@pytest.mark.parametrize("damage", ["not a database", "pages"])
async def test_a_damaged_file_is_refused_and_left_as_it_is_until_it_is_restored(
    tmp_path: Path, damage: str
) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(*range(1, 200)))
    whole = (tmp_path / FILE).read_bytes()
    damaged = bytearray(whole)
    if damage == "pages":
        damaged[-60_000:-4096] = b"\xa5" * (60_000 - 4096)
    else:
        damaged[:] = b"this is not a database at all" * 1000
    (tmp_path / FILE).write_bytes(damaged)
    async with _open(tmp_path) as database:
        for _ in range(2):
            with pytest.raises(StorageFailed, match=r"is damaged.*left as it is.*audit verify"):
                await database.run(_append(200))
        assert (tmp_path / FILE).read_bytes() == damaged
        assert [path.name for path in tmp_path.iterdir() if "damaged" in path.name] == []
        (tmp_path / FILE).write_bytes(whole)
        await database.run(_append(200))
        assert await database.run(_holds)


async def test_damage_that_shows_later_is_refused_as_well(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        for first in range(1, 400, 50):
            await database.run(_append(*range(first, first + 50)))
        await database.run(lambda log: log.execute("SELECT 1").fetchall())
        with closing(sqlite3.connect(tmp_path / FILE)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray((tmp_path / FILE).read_bytes())
        content[8 * 4096 : -4096] = b"\xa5" * (len(content) - 9 * 4096)
        (tmp_path / FILE).write_bytes(content)
        await database.run(lambda log: log.execute("PRAGMA shrink_memory").fetchall())
        with pytest.raises(StorageFailed, match="is damaged"):
            await database.run(_holds_all)
        with pytest.raises(StorageFailed, match="is damaged"):
            await database.run(_append(999))


def _holds_all(log: sqlite3.Connection) -> object:
    return log.execute("SELECT sum(length(body)), count(DISTINCT hash) FROM record").fetchall()


async def test_a_full_disk_is_said_and_passes(tmp_path: Path) -> None:
    """The limit on the number of pages stands for the disk: SQLite reports both the same way."""
    async with _open(tmp_path) as database:
        await database.run(_append(1))

        def full(log: sqlite3.Connection) -> object:
            pages = one(log, "PRAGMA page_count")
            log.execute(f"PRAGMA max_page_count = {pages}").fetchall()
            return chain.append(log, drafts(*range(2, 500)), now=NOW)

        with pytest.raises(StorageFailed, match="cannot be used: database or disk is full; free"):
            await database.run(full)
        assert database.available is False
        await database.run(_append(2))
        assert database.available is True
        assert await database.run(uids) == ["us_evt_1", "us_evt_2"]
        assert await database.run(_holds)


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that: writing fails in the middle of a page."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_write_that_fails_half_way_leaves_the_log_whole(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(1))
        acknowledged = {"us_evt_1"}
        wal = (tmp_path / f"{FILE}-wal").stat().st_size
        for number in range(2, 30):
            with _files_end_at(wal + 3_000 * number):
                try:
                    await database.run(_append(*range(number * 100, number * 100 + 50)))
                except StorageFailed as error:
                    assert "cannot be used" in str(error)  # noqa: PT017 - it may pass as well
                else:
                    acknowledged |= {f"us_evt_{n}" for n in range(number * 100, number * 100 + 50)}
            assert set(await database.run(uids)) == acknowledged
        assert 1 < len(acknowledged) < 1 + 28 * 50
        assert await database.run(_holds)


async def test_a_folder_that_cannot_be_made_is_a_clear_error_and_recovers(tmp_path: Path) -> None:
    obstacle = tmp_path / "data"
    obstacle.write_text("a file where the folder should be")
    async with _open(obstacle) as database:
        with pytest.raises(StorageFailed, match=r"audit\.path|make its folder|readable"):
            await database.run(_append(1))
        obstacle.unlink()
        await database.run(_append(1))
        assert database.available is True


async def test_a_log_that_another_process_holds_is_said_and_passes(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(1))
        await database.run(lambda log: log.execute("PRAGMA busy_timeout=10").fetchall())
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageFailed, match="locked"):
                await database.run(_append(2))
        await database.run(_append(2))


async def test_several_at_once_make_one_chain(tmp_path: Path) -> None:
    """Also the tables are made once, whoever comes first."""
    writers = [Database(tmp_path, lambda: NOW, key=KEY) for _ in range(4)]

    async def write(writer: Database, number: int) -> None:
        for step in range(10):
            await writer.run(_append(number * 100 + step, step))
            if step % 3 == number % 3:
                await writer.run(_checkpoint)

    await asyncio.gather(*(write(writer, number) for number, writer in enumerate(writers)))
    assert sorted(await writers[0].run(uids)) == sorted(
        {f"us_evt_{number * 100 + step}" for number in range(4) for step in range(10)}
    )
    assert await writers[1].run(_holds)
    for writer in writers:
        await writer.aclose()


async def test_a_reader_reads_beside_the_writer_and_cannot_write(tmp_path: Path) -> None:
    async with _open(tmp_path) as database:
        await database.run(_append(1))
        with closing(reader(tmp_path)) as log:
            assert uids(log) == ["us_evt_1"]
            await database.run(_append(2))
            assert uids(log) == ["us_evt_1", "us_evt_2"]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                chain.append(log, drafts(3), now=NOW)


def test_where_there_is_no_log_a_reader_says_so_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no audit log"):
        reader(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / FILE).write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StorageFailed, match="cannot be read"):
        reader(tmp_path)


_READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from contextlib import closing
from exporter.audit.store import chain
from exporter.audit.store.database import Database, reader
from exporter.errors import StorageFailed
folder = Path(sys.argv[1])
if os.geteuid() == 0:  # nothing is forbidden to root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

async def main():
    database = Database(folder, lambda: 1.0)
    try:
        await database.run(chain.head)
    except StorageFailed as error:
        print(error)
    await database.aclose()

asyncio.run(main())
with closing(reader(folder)) as log:
    print(chain.head(log).sequence)
"""


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that another user may look into; pytest's own are closed from some level up."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_a_folder_that_may_not_be_written_is_said_and_can_still_be_read(
    open_to_all: Path,
) -> None:
    folder = open_to_all / "log"
    async with _open(folder) as database:
        await database.run(_append(1, 2))
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _READ_ONLY, str(folder)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
    finally:
        folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    *_, said, read = done.stdout.splitlines()  # the first line is what was logged
    assert "cannot be used: " in said
    assert "audit.path" in said
    assert read == "2"


async def test_nobody_else_can_read_the_names_in_the_file_and_its_journal(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with _open(tmp_path / "audit") as database:
            await database.run(_append(1))
            parts = [p for p in (tmp_path / "audit").iterdir() if p.name.startswith(FILE)]
            assert len(parts) == 3
            assert {part.stat().st_mode & 0o077 for part in parts} == {0}
    finally:
        os.umask(before)
