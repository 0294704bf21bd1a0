"""Events from a page to records, where something comes in between."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from exporter.audit.feed.contract import Parcel
from exporter.audit.feed.gaps import Gap
from exporter.audit.intake import Intake
from exporter.audit.joining import Options
from exporter.audit.record import Entry
from exporter.audit.store import cursors, tallies
from exporter.audit.store.chain import Appended
from exporter.audit.store.database import Database
from exporter.audit.store.reading import entries
from exporter.errors import NotFound
from exporter.flatfile.models import User
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.whole import Whole
from tests.audit.known import NOW, USER, event, user


def _intake(folder: Path | None) -> Intake:
    database = Database(folder, lambda: NOW)
    return Intake(database=database, options=Options(), keep_plain=True, workers=1)


class _Nobody:
    """An account in which nobody is found; ``before`` happens while somebody is looked for."""

    def __init__(self, before: Callable[[], Awaitable[object]]) -> None:
        self._before = before

    async def user(self, id_: str) -> User:
        await self._before()
        raise NotFound(f"GET /users/{id_} answered 404; there is no such user")


async def _nothing() -> None:
    pass


async def _keep(intake: Intake, parcel: Parcel, flatfile: object = None) -> Appended:
    return await intake.keep(cast("Flatfile", flatfile), parcel, source="feed", now=NOW)


async def _take(intake: Intake, batch: Sequence[RawEvent], flatfile: object = None) -> Appended:
    return await _keep(intake, Parcel(events=batch), flatfile)


async def _marks(intake: Intake) -> dict[str, float]:
    return await intake.database.run(lambda log: cursors.marks(log, ""))


async def _records(intake: Intake) -> list[Entry]:
    return list(await intake.database.run(lambda log: list(entries(log, 0, 100))))


async def test_what_another_process_appends_while_somebody_is_looked_for_stands_once(
    tmp_path: Path,
) -> None:
    ours, other = _intake(tmp_path), _intake(tmp_path)
    batch = [event(), event(actor_id=USER), event()]
    shown = _Nobody(lambda: _take(other, batch[:1]))
    appended = await _take(ours, batch, shown)
    assert (appended.records, appended.duplicates) == (2, 1)
    assert [entry.uid for entry in await _records(ours)] == [it.id for it in batch]
    await ours.database.aclose()
    await other.database.aclose()


@asynccontextmanager
async def _stopped(intake: Intake, table: str, when: str) -> AsyncIterator[None]:
    """What is done in here fails when such a row is inserted."""
    stop = f"BEFORE INSERT ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'no'); END"
    await intake.database.run(lambda log: log.execute(f"CREATE TRIGGER stop {stop}"))
    with pytest.raises(sqlite3.IntegrityError):
        yield
    await intake.database.run(lambda log: log.execute("DROP TRIGGER stop"))


@pytest.mark.parametrize(
    ("table", "fails"), [("cursor", "NEW.scope = 'upto/feed'"), ("record", "NEW.uid LIKE 'gap/%'")]
)
async def test_events_gaps_and_cursors_are_kept_together_or_not_at_all(
    table: str, fails: str
) -> None:
    intake = _intake(None)
    gap = Gap(kind="forgotten", since=NOW - 60, until=NOW - 30)
    whole = Parcel(events=[event()], gaps=[gap], marks=[("feed", NOW), ("upto/feed", NOW + 1)])
    async with _stopped(intake, table, fails):
        await _keep(intake, whole)
    assert not await _records(intake)
    assert not await _marks(intake)
    assert (await _keep(intake, whole)).records == 1
    assert [entry.uid for entry in await _records(intake)] == [whole.events[0].id, gap.uid]
    assert await _marks(intake) == dict(whole.marks)
    await intake.database.aclose()


async def test_a_difference_of_listings_is_told_by_the_next_one_if_its_record_was_not_kept() -> (
    None
):
    intake = _intake(None)
    before, after = [user()], [user(name="Ada King"), user("us_usr_b")]
    await intake.listing(Whole(things=before, kind=User, wall=NOW), NOW)
    both = Whole(things=after, kind=User, wall=NOW + 60)
    async with _stopped(intake, "record", "NEW.uid LIKE '%/added/%'"):
        await intake.listing(both, NOW + 60)
    assert not await _records(intake)
    assert (await intake.listing(both, NOW + 120)).records == 2
    told = {entry.record["topic"] for entry in await _records(intake)}
    assert told == {"user:changed", "user:added"}
    await intake.database.aclose()


async def test_an_amendment_that_was_not_kept_is_made_again() -> None:
    intake = _intake(None)
    await _take(intake, [event(actor_id=USER)], _Nobody(_nothing))
    await intake.listing(Whole(things=[user()], kind=User, wall=NOW + 60), NOW + 60)
    nobody = cast("Flatfile", _Nobody(_nothing))
    async with _stopped(intake, "record", "NEW.uid LIKE 'amendment/%'"):
        await intake.resolve(nobody, NOW + 60)
    assert [(await intake.resolve(nobody, NOW + n)).records for n in (120, 180)] == [1, 0]
    await intake.database.aclose()


async def test_cursors_alone_are_kept_without_a_look_at_any_record() -> None:
    intake = _intake(None)
    appended = await _keep(intake, Parcel(marks=[("feed", NOW), ("old", None)]))
    assert (appended.records, appended.duplicates) == (0, 0)
    assert await _marks(intake) == {"feed": NOW}
    await intake.database.aclose()


async def test_a_large_batch_has_a_question_for_every_twenty_events_and_any_has_fifty() -> None:
    for events, questions in ((1_200, 60), (400, 50)):
        intake, asked = _intake(None), Counter[str]()

        async def count(asked: Counter[str] = asked) -> None:
            asked["user"] += 1

        batch = [event(actor_id=f"us_usr_{number:08d}") for number in range(events)]
        assert (await _take(intake, batch, _Nobody(count))).records == events
        assert asked["user"] == questions
        await intake.database.aclose()


async def test_an_event_whose_id_had_to_be_mended_stands_once_however_often_it_is_shown() -> None:
    intake = _intake(None)
    odd = [
        RawEvent(id=id_, topic="job:ready", created_at=NOW, raw={"id": id_})
        for id_ in ("us_evt_\ud800", "us_evt_\0")
    ]
    await _take(intake, odd)
    again = await _take(intake, odd)
    assert again.records == 0
    assert {entry.uid for entry in await _records(intake)} == {"us_evt_\ufffd"}
    read = await intake.database.run(tallies.reading)
    assert (read.records, read.duplicates) == (1, 3)
    await intake.database.aclose()
