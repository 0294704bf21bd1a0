"""Records as they stand: in order, in bounds, with the people in them."""

from exporter.audit import people
from exporter.audit.store import chain, reading
from tests.audit.store.stage import NOW, PLAIN, draft, drafts, opened


def _sequences(found: object) -> list[int]:
    assert isinstance(found, list)
    return [entry.sequence for entry in found]


def test_entries_come_in_order_and_go_on_where_one_stopped() -> None:
    with opened() as log:
        chain.append(log, drafts(*range(9, 0, -1)), now=NOW)
        assert _sequences(reading.entries(log, 0, 4)) == [1, 2, 3, 4]
        assert _sequences(reading.entries(log, 4, 100)) == [5, 6, 7, 8, 9]
        assert reading.entries(log, 9, 100) == []


def test_an_entry_says_what_stands() -> None:
    with opened() as log:
        chain.append(log, drafts(1), now=NOW)
        entry = reading.entry(log, 1)
        assert entry is not None
        assert (entry.sequence, entry.uid, entry.at, entry.recorded) == (
            1,
            "us_evt_1",
            NOW - 999,
            NOW,
        )
        assert entry.hash == chain.head(log).hash
        assert entry.record["space"] == PLAIN["space"]
        assert reading.entry(log, 2) is None
        assert reading.entry(log, 0) is None


def test_a_batch_is_bounded_in_bytes_but_never_empty() -> None:
    with opened() as log:
        chain.append(log, [draft(n, payload={"text": "x" * 1_000}) for n in range(5)], now=NOW)
        size = len(reading.entries(log, 0, 1)[0].body)
        assert len(reading.entries(log, 0, 5, 1)) == 1
        assert len(reading.entries(log, 0, 5, 3 * size)) == 3
        assert len(reading.entries(log, 0, 5, 3 * size - 1)) == 2


def test_entries_are_those_of_a_time_and_of_a_part_of_the_log() -> None:
    with opened() as log:
        chain.append(log, drafts(10, 30, 20, 40), now=NOW)
        at = NOW - 1_000
        assert _sequences(reading.entries(log, 0, 9, since=at + 20)) == [2, 3, 4]
        assert _sequences(reading.entries(log, 0, 9, until=at + 30)) == [1, 3]
        assert _sequences(reading.entries(log, 2, 9, since=at + 10, until=at + 21)) == [3]
        assert _sequences(reading.entries(log, 0, 9, upto=2)) == [1, 2]
        assert reading.span(log, at + 20, at + 40) == (2, 3)
        assert reading.span(log, None, None) == (1, 4)
        assert reading.span(log, at + 50, None) == (0, 0)


def test_entries_are_found_by_the_beginning_of_their_uid() -> None:
    with opened() as log:
        made = [draft(n) for n in (1, 2, 12, 100)]
        chain.append(log, made, now=NOW)
        assert [e.uid for e in reading.prefixed(log, "us_evt_1")] == [
            "us_evt_1",
            "us_evt_12",
            "us_evt_100",
        ]
        assert reading.prefixed(log, "us_evt_%") == []


def test_the_people_in_a_record_come_with_it_as_long_as_they_are_known() -> None:
    with opened() as log:
        name, mail = (
            people.commitment(log, "us_usr_1", text, keep_plain=True) for text in ("Ann", "a@b")
        )
        other = people.commitment(log, "us_usr_2", "Bob", keep_plain=True)
        chain.append(
            log,
            [
                draft(1, actor={**PLAIN["actor"], "name": name, "email": mail}),
                draft(2),
                draft(3, actor={**PLAIN["actor"], "name": other}),
            ],
            now=NOW,
        )
        assert [dict(entry.people) for entry in reading.entries(log, 0, 9)] == [
            {name: "Ann", mail: "a@b"},
            {},
            {other: "Bob"},
        ]
        people.erase(log, "us_usr_1")
        assert [dict(entry.people) for entry in reading.entries(log, 0, 9)] == [
            {},
            {},
            {other: "Bob"},
        ]
