"""``audit redact``: whom it erases, and that it asks before."""

from pathlib import Path

import pytest

from exporter.audit import people
from exporter.audit.place import Place
from exporter.audit.record import Kind
from exporter.audit.store import reading
from exporter.audit.store.database import FILE
from exporter.auditor.opening import reading as opened
from exporter.auditor.redact import redact
from exporter.auditor.verify import verify
from exporter.errors import StorageFailed, Unproven
from tests.auditor.logs import ADA, BOB, CAT, Heard, a_draft, known, place, write


@pytest.fixture
def anyio_backend() -> str:
    """A database on the disk, at the pace of the disk."""
    return "asyncio"


@pytest.fixture(name="log")
def a_log(tmp_path: Path) -> Place:
    where = place(tmp_path)
    actors = [
        known(where, ADA, "Ada", "ada@example.org"),
        known(where, BOB, "Ada", "bob@example.org"),
        known(where, CAT, "Cat", "cat@example.org"),
    ]
    write(where, [a_draft(n, actor=actor) for n, actor in enumerate(actors, 1)])
    return where


def erased(where: Place) -> set[str]:
    with opened(where) as connection:
        return set(people.erased(connection, (ADA, BOB, CAT)))


def last(where: Place) -> dict[str, object]:
    with opened(where) as connection:
        return dict(reading.entries(connection, 0, 100)[-1].record)


@pytest.mark.parametrize("person", [CAT, "Cat", "cat@example.org"])
async def test_one_who_is_named_by_id_name_or_address_is_erased_and_a_record_says_so(
    log: Place, person: str
) -> None:
    heard = Heard()
    assert await redact(log, person, heard.streams(), sure=True) == 0
    assert erased(log) == {CAT}
    record = last(log)
    assert (record["kind"], record["sequence"]) == (Kind.REDACTION, 4)
    assert f"{CAT} is erased; record 4 says so" in heard.said
    assert any("sinks" in line for line in heard.said)


async def test_a_copy_of_before_the_erasure_does_not_verify_in_its_place(log: Place) -> None:
    before = {path: path.read_bytes() for path in log.folder.glob(f"{FILE}*")}
    assert await redact(log, CAT, Heard().streams(), sure=True) == 0
    assert verify(log, None, None, Heard().streams()) == 0
    for path in log.folder.glob(f"{FILE}*"):
        path.unlink()
    for path, held in before.items():
        path.write_bytes(held)
    with pytest.raises(Unproven, match="this is not the log that was signed"):
        verify(log, None, None, Heard().streams())


async def test_of_several_none_is_erased_and_their_ids_are_said(log: Place) -> None:
    heard = Heard()
    assert await redact(log, "Ada", heard.streams(), sure=True) == 1
    assert erased(log) == set()
    assert heard.complaints == [f"2 people go by that; say which, by id: {ADA}, {BOB}"]
    assert heard.said == []


async def test_somebody_whom_nobody_knows_is_not_erased(log: Place) -> None:
    heard = Heard()
    assert await redact(log, "Zoe", heard.streams(), sure=True) == 1
    assert (erased(log), len(heard.complaints), heard.said) == (set(), 1, [])


@pytest.mark.parametrize(("answer", "code"), [("y", 0), (" YES ", 0), ("n", 1), ("", 1), ("j", 1)])
async def test_it_is_done_only_after_a_yes(log: Place, answer: str, code: int) -> None:
    heard = Heard(answer=answer)
    assert await redact(log, "Cat", heard.streams(), sure=False) == code
    assert len(heard.asked) == 1
    assert CAT in heard.asked[0]
    assert erased(log) == ({CAT} if code == 0 else set())


async def test_where_nobody_can_be_asked_it_has_to_be_said_beforehand(log: Place) -> None:
    heard = Heard()
    assert await redact(log, "Cat", heard.streams(), sure=False) == 1
    assert erased(log) == set()
    assert "--yes" in heard.complaints[0]


async def test_one_who_was_erased_before_stays_so_and_no_record_is_added(log: Place) -> None:
    await redact(log, CAT, Heard().streams(), sure=True)
    before = last(log)
    heard = Heard()
    assert await redact(log, CAT, heard.streams(), sure=True) == 0
    assert last(log) == before
    assert "erased before" in heard.said[0]


async def test_without_the_key_that_began_the_log_nothing_is_erased_and_none_is_made(
    log: Place,
) -> None:
    log.key.rename(log.key.with_name("moved"))
    with pytest.raises(StorageFailed, match=r"there is no signing key .*signing-key\.pem;"):
        await redact(log, CAT, Heard().streams(), sure=True)
    assert not log.key.exists()
    assert erased(log) == set()


async def test_no_name_and_no_address_is_in_what_is_said(log: Place) -> None:
    heard = Heard(answer="y")
    for person in ("Ada", "Cat", "Zoe"):
        await redact(log, person, heard.streams(), sure=False)
    assert not any(name in heard.everything for name in ("Ada", "Cat", "Zoe", "@"))


async def test_while_somebody_reads_it_is_said_what_may_be_left_in_the_journal(log: Place) -> None:
    def left() -> bool:
        return any(b"cat@example.org" in path.read_bytes() for path in log.folder.iterdir())

    heard = Heard()
    with opened(log) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        assert await redact(log, CAT, heard.streams(), sure=True) == 0
        assert left()
    (complaint,) = heard.complaints
    assert complaint.startswith("somebody is reading the log: its file holds what was erased")
    again = Heard()
    assert await redact(log, CAT, again.streams(), sure=True) == 0
    assert not left()
    assert again.complaints == []


async def test_where_there_is_no_log_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no audit log in"):
        await redact(place(tmp_path), CAT, Heard().streams(), sure=True)
    assert list(tmp_path.iterdir()) == []
