"""``audit export``: what it selects, and what it shows of who did it."""

import csv
import errno
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter.audit.keys import SigningKey
from exporter.audit.knowledge import names, noting
from exporter.audit.knowledge.versions import Basis, Presence, Seen, Thing
from exporter.audit.place import Place
from exporter.audit.record import Kind
from exporter.audit.retention import prune
from exporter.audit.store import chain
from exporter.audit.store.database import reader
from exporter.auditor.export import export
from exporter.auditor.selection import Selection
from exporter.errors import StorageFailed
from tests.auditor.logs import (
    ADA,
    BOB,
    NOW,
    Heard,
    a_draft,
    known,
    place,
    unknown,
    work,
    write,
)


def exported(where: Place, form: str = "native", **selection: Any) -> list[dict[str, Any]]:
    heard = Heard()
    assert export(where, Selection(**selection), form, heard.streams()) == 0
    assert heard.complaints == []
    return [json.loads(line) for line in heard.lines]


def uids(where: Place, **selection: Any) -> list[str]:
    return [line["record"]["uid"] for line in exported(where, **selection)]


@pytest.fixture(name="log")
def a_log(tmp_path: Path) -> Place:
    """Ten events of two people, an agent and nobody, in two environments."""
    where = place(tmp_path)
    ada, bob = (
        known(where, ADA, "Ada", "ada@example.org"),
        known(where, BOB, "Bob", "b@example.org"),
    )
    agent = {**unknown("us_ag_1"), "kind": "agent", "label": "importer", "basis": "listing"}
    elsewhere = {"id": "us_env_2", "name": "production"}
    drafts = [
        a_draft(1, "space:created", actor=ada),
        a_draft(2, "space:updated", actor=bob),
        a_draft(3, "space:deleted", actor=ada, environment=elsewhere),
        a_draft(4, "job:failed", actor=agent),
        a_draft(5, "agent:deleted", actor=bob, environment=elsewhere, space=None),
        a_draft(6, "cron:daily"),
    ]
    write(where, drafts)
    return where


def test_everything_comes_in_the_order_of_the_chain_and_can_be_proven(log: Place) -> None:
    assert uids(log) == [f"us_evt_{n}" for n in range(1, 7)]
    with_hash = exported(log)
    assert [line["record"]["previous"] for line in with_hash[1:]] == [
        line["hash"] for line in with_hash[:-1]
    ]


def _said(value: object) -> str:
    """An id that is the same in every process: a set has no order."""
    if isinstance(value, dict):
        return " ".join(f"{key}={_said(item)}" for key, item in value.items())
    return ",".join(sorted(map(str, value))) if isinstance(value, set | frozenset) else str(value)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"environments": {"us_env_2"}}, [3, 5]),
        ({"environments": {"production"}}, [3, 5]),
        ({"environments": {"us_env_2", "staging"}}, [1, 2, 3, 4, 5, 6]),
        ({"spaces": {"us_sp_1"}}, [1, 2, 3, 4, 6]),
        ({"spaces": {"Imports"}}, [1, 2, 3, 4, 6]),
        ({"actors": {ADA}}, [1, 3]),
        ({"actors": {"Ada"}}, [1, 3]),
        ({"actors": {"ada@example.org"}}, [1, 3]),
        ({"actors": {"importer"}}, [4]),
        ({"actors": {ADA, BOB}}, [1, 2, 3, 5]),
        ({"actors": {"nobody"}}, []),
        ({"topics": ("space:deleted",)}, [3]),
        ({"topics": ("space:*",)}, [1, 2, 3]),
        ({"topics": ("*:deleted", "cron:daily")}, [3, 5, 6]),
        ({"topics": ("Space:*",)}, []),
        ({"since": NOW - 86_400 + 180}, [3, 4, 5, 6]),
        ({"until": NOW - 86_400 + 180}, [1, 2]),
        ({"since": NOW - 86_400 + 120, "until": NOW - 86_400 + 240}, [2, 3]),
        ({"since": NOW}, []),
        ({"actors": {"Bob"}, "environments": {"production"}}, [5]),
    ],
    ids=_said,
)
def test_what_is_asked_for_is_what_comes(
    log: Place, selection: dict[str, Any], expected: list[int]
) -> None:
    chosen = {k: frozenset(v) if isinstance(v, set) else v for k, v in selection.items()}
    assert uids(log, **chosen) == [f"us_evt_{n}" for n in expected]


def test_what_arrived_late_is_found_by_when_it_happened(log: Place) -> None:
    write(log, [a_draft(7, at=NOW - 86_400 + 60), a_draft(8)])
    assert uids(log, until=NOW - 86_400 + 120) == ["us_evt_1", "us_evt_7"]


def test_a_topic_is_found_as_it_is_written_even_if_it_looks_like_a_pattern(log: Place) -> None:
    write(log, [a_draft(7, "odd[1]:topic")])
    assert uids(log, topics=("odd[1]:topic",)) == ["us_evt_7"]


def test_records_that_do_not_know_the_name_of_a_place_are_found_by_its_present_one(
    log: Place,
) -> None:
    seen = Seen(
        kind=Thing.SPACE, id="us_sp_9", basis=Basis.LISTING, scope="us_env_1", label="Spring"
    )
    work(log, lambda c: names.tell(c, seen, at=NOW, now=NOW, presence=Presence.YES))
    write(log, [a_draft(7, space={"id": "us_sp_9", "name": None})])
    assert uids(log, spaces=frozenset({"Spring"})) == ["us_evt_7"]


@pytest.mark.parametrize("renamed", [False, True])
def test_the_present_name_is_known_as_well_of_what_no_listing_ever_showed(
    log: Place, renamed: bool
) -> None:
    def tell(connection: sqlite3.Connection) -> None:
        for at, label in ((NOW, "Spring"), (NOW + 60, "Summer"))[: 1 + renamed]:
            seen = Seen(kind=Thing.SPACE, id="us_sp_9", basis=Basis.EVENT, label=label)
            names.tell(connection, seen, at=at, now=NOW + 60)

    work(log, tell)
    write(log, [a_draft(7, space={"id": "us_sp_9", "name": None})])
    assert uids(log, spaces=frozenset({"Spring"})) == ([] if renamed else ["us_evt_7"])
    assert uids(log, spaces=frozenset({"Summer"})) == (["us_evt_7"] if renamed else [])


def test_an_agent_that_was_unknown_when_it_acted_is_found_by_its_slug(log: Place) -> None:
    seen = Seen(kind=Thing.AGENT, id="us_ag_9", basis=Basis.LISTING, label="webhooks")
    work(log, lambda c: noting.learn(c, seen, NOW))
    write(log, [a_draft(7, actor={**unknown("us_ag_9"), "kind": "agent"})])
    assert uids(log, actors=frozenset({"webhooks"})) == ["us_evt_7"]


def test_a_person_is_found_by_name_where_no_plain_text_is_kept(tmp_path: Path) -> None:
    where = place(tmp_path)
    ada = known(where, ADA, "Ada", "ada@example.org")
    work(where, lambda c: c.execute("UPDATE commitment SET plain = NULL").rowcount)
    write(where, [a_draft(1, actor=ada), a_draft(2)])
    (line,) = exported(where, actors=frozenset({"Ada"}))
    assert line["record"]["uid"] == "us_evt_1"
    assert line["people"] == {}


def test_when_several_people_go_by_a_name_all_are_shown_and_that_is_said(tmp_path: Path) -> None:
    where = place(tmp_path)
    people = [known(where, id_, "Ada", f"{id_}@example.org") for id_ in (ADA, BOB)]
    write(where, [a_draft(n, actor=actor) for n, actor in enumerate(people)])
    heard = Heard()
    export(where, Selection(actors=frozenset({"Ada"})), "native", heard.streams())
    assert len(heard.lines) == 2
    assert heard.complaints == [f"2 people go by that: {ADA}, {BOB}"]


def amended(tmp_path: Path) -> Place:
    """Guests did things: one whom an amendment names, and one whose id only begins alike."""
    where = place(tmp_path)
    ada = known(where, ADA, "Ada", "ada@example.org")
    told = {"actor": {**ada, "basis": "lookup", "then": False}, "first": 1, "last": 4, "records": 2}
    amendment = a_draft(
        5,
        "audit:amendment",
        Kind.AMENDMENT,
        uid=f"amendment/{ADA}/1-4",
        detail=told,
        raw=None,
        source="exporter",
    )
    write(
        where,
        [
            a_draft(1, actor=unknown(ADA)),
            a_draft(2, actor=unknown(ADA)),
            a_draft(3, actor=unknown(ADA[:-1])),
            a_draft(4, actor=ada),
            amendment,
            a_draft(6, actor=unknown(ADA)),
        ],
    )
    return where


def test_what_a_guest_did_is_told_with_what_an_amendment_said_later_and_flagged(
    tmp_path: Path,
) -> None:
    lines = exported(amended(tmp_path), actors=frozenset({"Ada"}))
    found = {line["record"]["sequence"]: line for line in lines}
    assert found.keys() == {1, 2, 4, 6}
    for sequence in (1, 2):
        assert found[sequence]["record"]["actor"]["name"] is None
        assert found[sequence]["amended"]["sequence"] == 5
        name = found[sequence]["amended"]["actor"]["name"]
        assert found[sequence]["people"][name] == "Ada"
    assert "amended" not in found[4]  # it was known who that is
    assert "amended" not in found[6]  # the amendment does not speak of it


def test_an_amendment_of_one_says_nothing_of_another_whose_id_begins_alike(tmp_path: Path) -> None:
    (line,) = exported(amended(tmp_path), actors=frozenset({ADA[:-1]}))
    assert "amended" not in line


def test_an_amendment_shows_in_every_format(tmp_path: Path) -> None:
    where = amended(tmp_path)
    (event, *_) = exported(where, "ocsf")
    assert (event["actor"]["user"]["name"], event["unmapped"]["amendment"]) == ("Ada", 5)
    (document, *_) = exported(where, "ecs")
    assert (document["user"]["name"], document["flatfile"]["amendment"]) == ("Ada", 5)
    (row, *_) = table(where)
    assert (row["actor_name"], row["actor_amended"]) == ("Ada", "5")


def table(where: Place) -> list[dict[str, str]]:
    heard = Heard()
    export(where, Selection(), "csv", heard.streams())
    text = heard.out.getvalue().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_table_has_its_header_once_and_a_row_a_record(log: Place) -> None:
    rows = table(log)
    assert [row["uid"] for row in rows] == [f"us_evt_{n}" for n in range(1, 7)]
    assert rows[2]["environment_name"] == "production"
    assert rows[0]["actor_email"] == "ada@example.org"


def test_a_table_without_records_is_its_header(log: Place) -> None:
    heard = Heard()
    export(log, Selection(topics=("none",)), "csv", heard.streams())
    assert len(heard.lines) == 1


def test_it_ends_with_the_newest_record_that_stood_when_it_began(tmp_path: Path) -> None:
    where = place(tmp_path)
    write(where, [a_draft(n) for n in range(1, 2501)])

    class Busy(io.BytesIO):
        """A log that grows by a record with each line that is read of it."""

        def write(self, data: Any) -> int:
            if self.tell() < 100:
                write(where, [a_draft(9000)])
            return super().write(data)

    heard = Heard(out=Busy())
    export(where, Selection(), "native", heard.streams())
    assert len(heard.lines) == 2500


def test_between_two_parts_of_a_long_read_the_journal_can_be_folded_in(tmp_path: Path) -> None:
    where = place(tmp_path)
    write(where, [a_draft(n) for n in range(1, 2501)])
    blocked: list[int] = []

    class Watching(io.BytesIO):
        def write(self, data: Any) -> int:
            if not blocked:
                write(where, [a_draft(9000)])
                blocked.append(folded(where))
            return super().write(data)

    export(where, Selection(), "native", Heard(out=Watching()).streams())
    assert blocked == [0]


def folded(where: Place) -> int:
    """1 if somebody who reads keeps SQLite from folding the journal into the file."""
    with closing(sqlite3.connect(where.folder / "audit.db", timeout=0)) as connection:
        (blocked, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return int(blocked)


def test_progress_is_shown_and_taken_away_again(log: Place) -> None:
    heard = Heard()
    export(log, Selection(), "native", heard.streams())
    assert heard.shown == ["0 of 6 records", ""]


def test_a_reader_who_has_seen_enough_ends_it_and_the_log_is_closed(log: Place) -> None:
    class Closed(io.BytesIO):
        def write(self, _: Any) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        export(log, Selection(), "native", Heard(out=Closed()).streams())


def test_an_output_that_cannot_be_written_is_said_in_a_sentence(log: Place) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFailed, match="cannot be written: No space left on device"):
        export(log, Selection(), "native", Heard(out=Full()).streams())


def test_an_export_changes_nothing(log: Place) -> None:
    with closing(reader(log.folder)) as connection:
        before = chain.head(connection)
        exported(log)
        assert chain.head(connection) == before


def test_where_there_is_no_log_that_is_said_and_none_is_made(tmp_path: Path) -> None:
    where = place(tmp_path)
    with pytest.raises(StorageFailed, match=r"there is no audit log in .*audit;"):
        export(where, Selection(), "native", Heard().streams())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_log_is_said_to_be_none(tmp_path: Path) -> None:
    where = place(tmp_path)
    where.folder.mkdir()
    (where.folder / "audit.db").write_bytes(b"this is not a database at all" * 1000)
    with pytest.raises(StorageFailed, match="cannot be read"):
        export(where, Selection(), "native", Heard().streams())


def test_an_export_of_a_damaged_file_is_never_short_in_silence(tmp_path: Path) -> None:
    where = place(tmp_path)
    write(where, [a_draft(n) for n in range(1, 1001)])
    file = where.folder / "audit.db"
    whole = file.read_bytes()
    for eighth in range(1, 8):
        begin, end = len(whole) * eighth // 8, len(whole) * (eighth + 1) // 8
        file.write_bytes(whole[:begin] + b"\xa5" * (end - begin) + whole[end:])
        heard = Heard()
        try:
            export(where, Selection(), "native", heard.streams())
        except StorageFailed as error:
            assert "damaged" in str(error) or "cannot be read" in str(error)  # noqa: PT017 - or none
        else:
            assert len(heard.lines) == 1000  # it was only an index


@pytest.mark.parametrize("selection", [{}, {"since": NOW - 86_400 + 60 * 3}], ids=_said)
def test_a_record_that_is_missing_ends_the_export_with_its_sequence(
    log: Place, selection: dict[str, Any]
) -> None:
    work(log, lambda c: c.execute("DELETE FROM record WHERE sequence = 5").rowcount)
    heard = Heard()
    with pytest.raises(StorageFailed, match="the records 5 to 5 are missing or damaged"):
        export(log, Selection(**selection), "native", heard.streams())
    assert json.loads(heard.lines[-1])["record"]["sequence"] == 4


def test_an_end_that_is_missing_is_no_end(log: Place) -> None:
    work(log, lambda c: c.execute("DELETE FROM record WHERE sequence > 4").rowcount)
    with pytest.raises(StorageFailed, match="the records 5 to 6 are missing or damaged"):
        export(log, Selection(), "native", Heard().streams())


def test_what_was_pruned_on_purpose_is_not_missed(log: Place) -> None:
    key = SigningKey.load_or_make(log.key)
    write(log, [a_draft(7, at=NOW)], now=NOW + 86_400)
    pruned = work(log, lambda c: prune(c, key, before=NOW + 3600, now=NOW + 86_400))
    assert pruned.last == 6
    assert uids(log) == ["us_evt_7"]
