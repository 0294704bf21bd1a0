"""The file: transactions, damage, a disk that cannot be written, a newer version."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exporter.errors import StorageFailed
from exporter.state.sightings import seen
from exporter.state.store import FILE, Store
from tests.support.turning import turning

NOW = 1_800_000_000.0


@asynccontextmanager
async def _open(folder: Path | None) -> AsyncIterator[Store]:
    store = Store(folder, lambda: NOW)
    try:
        yield store
    finally:
        await store.aclose()


def _sight(environment_id: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: seen(connection, [environment_id], NOW)


async def test_what_was_committed_is_there_after_the_file_is_opened_again(tmp_path: Path) -> None:
    async with _open(tmp_path / "new" / "folder") as store:
        await store.run(_sight("a"))
    async with _open(tmp_path / "new" / "folder") as store:
        assert await store.run(lambda c: seen(c, [], NOW)) == {"a": NOW}


async def test_a_clock_set_back_does_not_make_a_sighting_older() -> None:
    async with _open(None) as store:
        await store.run(_sight("a"))
        assert await store.run(lambda c: seen(c, ["a"], NOW - 3600)) == {"a": NOW}


async def test_work_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        seen(connection, ["a"], NOW)
        raise LookupError("a bug")

    async with _open(tmp_path) as store:
        with pytest.raises(LookupError):
            await store.run(half)
        assert await store.run(lambda c: seen(c, [], NOW)) == {}


async def test_state_in_memory_works_and_touches_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with _open(None) as store:
        await store.run(_sight("a"))
        assert await store.run(lambda c: seen(c, [], NOW)) == {"a": NOW}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["not a database", "pages"])
async def test_a_damaged_file_is_set_aside_and_counting_goes_on_anew(
    tmp_path: Path, damage: str
) -> None:
    async with _open(tmp_path) as store:
        await store.run(lambda c: seen(c, [f"environment-{i}" for i in range(5000)], NOW))
    content = bytearray((tmp_path / FILE).read_bytes())
    if damage == "pages":
        content[4096 : len(content) - 4096] = b"\xa5" * (len(content) - 8192)
    else:
        content[:] = b"this is not a database at all" * 1000
    (tmp_path / FILE).write_bytes(content)
    async with _open(tmp_path) as store:
        with pytest.raises(StorageFailed, match="set aside"):
            await store.run(_sight("a"))
        await store.run(_sight("b"))
        assert await store.run(lambda c: seen(c, [], NOW)) == {"b": NOW}
    (kept,) = [p for p in tmp_path.iterdir() if ".damaged-" in p.name and p.suffix != "-wal"]
    assert kept.read_bytes() == content


async def test_a_folder_that_cannot_be_made_is_a_clear_error_and_recovers(tmp_path: Path) -> None:
    obstacle = tmp_path / "data"
    obstacle.write_text("a file where the folder should be")
    async with _open(obstacle) as store:
        with pytest.raises(StorageFailed, match=r"storage\.path"):
            await store.run(_sight("a"))
        assert store.available is False
        obstacle.unlink()
        await store.run(_sight("a"))
        assert store.available is True


async def test_a_file_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    async with _open(tmp_path) as store:
        await store.run(lambda c: c.execute("PRAGMA user_version = 99").fetchall())
    async with _open(tmp_path) as store:
        with pytest.raises(StorageFailed, match="newer version"):
            await store.run(_sight("a"))
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name] == []


async def test_a_bug_in_a_statement_is_not_mistaken_for_a_bad_disk(tmp_path: Path) -> None:
    async with _open(tmp_path) as store:
        with pytest.raises(sqlite3.ProgrammingError):
            await store.run(lambda c: c.execute("SELECT ?", ()))


async def test_the_loop_turns_while_the_disk_works(tmp_path: Path) -> None:
    async with _open(tmp_path) as store:
        async with turning() as turns:
            await store.run(lambda _: time.sleep(0.05))
        assert turns() > 10
