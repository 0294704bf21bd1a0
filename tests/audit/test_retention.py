"""Pruning: whole segments, old and delivered, with a signed tombstone; the rest still verifies."""

import json
import sqlite3

import pytest

from exporter.audit.retention import Pruned, prune
from exporter.audit.store import chain, delivery, tallies
from exporter.audit.store.checkpoints import checkpoint
from exporter.audit.verify import verify
from exporter.errors import StorageFailed
from tests.audit.store.stage import KEY, NOW, OTHER, draft, drafts, filled, one, opened, uids

DAY = 86_400.0


def _segments(log: sqlite3.Connection, *segments: tuple[float, list[int]]) -> None:
    """Each of some events that happened and were recorded at that time, ended by a checkpoint."""
    for at, numbers in segments:
        filled(log, [draft(number, at=at) for number in numbers], now=at)
        checkpoint(log, KEY, at)


def _holds(log: sqlite3.Connection) -> bool:
    return verify(log, public_key=KEY.public, head=None).ok


def test_whole_segments_go_that_are_older_than_that() -> None:
    with opened() as log:
        _segments(log, (NOW, [1, 2]), (NOW + DAY, [3]), (NOW + 2 * DAY, [4]), (NOW + 9 * DAY, [5]))
        found = prune(log, KEY, before=NOW + 2 * DAY, now=NOW + 9 * DAY)
        assert found == Pruned(records=3, segments=2, last=3)
        assert uids(log) == ["us_evt_4", "us_evt_5"]
        assert _holds(log)
        again = prune(log, KEY, before=NOW + 2 * DAY, now=NOW + 9 * DAY)
        assert again == Pruned(records=0, segments=0, last=3)
        assert one(log, "SELECT count(*) FROM tombstone") == 1


def test_what_no_checkpoint_ended_stays() -> None:
    with opened() as log:
        _segments(log, (NOW, [1]))
        filled(log, drafts(2))
        assert prune(log, KEY, before=NOW + DAY, now=NOW + DAY).last == 1
        assert uids(log) == ["us_evt_2"]
        assert _holds(log)


def test_a_segment_stays_as_long_as_one_of_it_was_recorded_since() -> None:
    with opened() as log:
        for number, recorded in ((1, NOW), (2, NOW + DAY), (3, NOW)):
            filled(log, [draft(number, at=NOW)], now=recorded)
        checkpoint(log, KEY, NOW + DAY)
        assert prune(log, KEY, before=NOW + DAY, now=NOW + DAY).records == 0
        assert prune(log, KEY, before=NOW + DAY + 0.001, now=NOW + DAY).records == 3


def test_an_event_from_the_future_keeps_nothing_and_suppresses_nothing() -> None:
    future = draft(7, at=NOW + 365 * DAY)
    with opened() as log:
        filled(log, [draft(1, at=NOW), future, draft(2, at=NOW)], now=NOW)
        checkpoint(log, KEY, NOW)
        assert prune(log, KEY, before=NOW + DAY, now=NOW + DAY).records == 3
        found = chain.append(log, [future, draft(3, at=NOW + 1)], now=NOW + DAY)
        assert (found.records, found.duplicates) == (1, 1)
        assert chain.known(log, [future.uid, "us_evt_3"]) == {future.uid, "us_evt_3"}
        filled(log, [draft(4, at=NOW + 366 * DAY)], now=NOW + 366 * DAY)
        checkpoint(log, KEY, NOW + 366 * DAY)
        prune(log, KEY, before=NOW + 367 * DAY, now=NOW + 367 * DAY)
        assert one(log, "SELECT count(*) FROM buried") == 0
        assert chain.append(log, [future], now=NOW).records == 0
        assert _holds(log)


def test_what_a_sink_still_needs_stays() -> None:
    with opened() as log:
        _segments(log, (NOW, [1]), (NOW, [2]), (NOW, [3]))
        for sink in ("file", "loki", "old"):
            delivery.register(log, sink)
        delivery.retire(log, keep=["file", "loki"])

        def pruned() -> int:
            return prune(log, KEY, before=NOW + 1, now=NOW).last

        assert pruned() == 0
        delivery.acknowledge(log, "file", 3, {2: "too_old"}, NOW)
        delivery.acknowledge(log, "loki", 1, {}, NOW)
        assert pruned() == 1
        delivery.acknowledge(log, "loki", 3, {}, NOW)
        delivery.resend(log)
        assert pruned() == 1
        delivery.retried(log, "file", [2], {2: "too_old"}, NOW)
        assert pruned() == 3
        assert delivery.dead_letters(log) == []
        assert tallies.reading(log).dead == {("file", "too_old"): 2}


def test_little_at_a_time_until_nothing_is_left_to_prune() -> None:
    with opened() as log:
        _segments(log, *((NOW, [number, number + 1]) for number in range(1, 11, 2)))
        steps = []
        while (found := prune(log, KEY, before=NOW + 1, now=NOW, most=4)).records:
            steps.append(found.records)
            assert _holds(log)
        assert steps == [4, 4, 2]
        assert prune(log, KEY, before=NOW + 1, now=NOW, most=1).records == 0
        found_good = verify(log, public_key=KEY.public, head=None)
        assert (found_good.tombstones, found_good.records, found_good.last) == (3, 0, 10)
        filled(log, [draft(11, at=NOW + 1)])
        checkpoint(log, KEY, NOW)
        assert prune(log, KEY, before=NOW + 2, now=NOW, most=0).records == 1
        assert _holds(log)


def test_the_chain_goes_on_across_what_was_pruned() -> None:
    with opened() as log:
        _segments(log, (NOW, [1, 2]))
        before = chain.head(log)
        prune(log, KEY, before=NOW + 1, now=NOW)
        assert chain.head(log) == before
        filled(log, [draft(3, at=NOW + 1)])
        record = json.loads(one(log, "SELECT body FROM record"))
        assert (record["sequence"], record["previous"]) == (3, before.hash)


def test_what_was_pruned_and_is_shown_again_is_not_appended_anew() -> None:
    with opened() as log:
        _segments(log, (NOW, [1, 2]))
        prune(log, KEY, before=NOW + 1, now=NOW)
        found = chain.append(
            log, [draft(1, at=NOW), draft(9, at=NOW - DAY), draft(3, at=NOW + 0.001)], now=NOW
        )
        assert (found.records, found.duplicates) == (1, 2)
        assert uids(log) == ["us_evt_3"]


def test_what_was_pruned_is_told_also_by_a_time_that_is_finer_than_a_millisecond() -> None:
    shown = [draft(1, at=NOW + 0.0001), draft(2, at=NOW + 0.0009)]
    with opened() as log:
        filled(log, shown, now=NOW + 1)
        checkpoint(log, KEY, NOW + 1)
        assert prune(log, KEY, before=NOW + 2, now=NOW + 2).records == 2
        found = chain.append(log, [*shown, draft(3, at=NOW + 0.001)], now=NOW + 3)
        assert (found.records, found.duplicates) == (1, 2)
        assert uids(log) == ["us_evt_3"]


def test_the_horizon_never_moves_back() -> None:
    with opened() as log:
        _segments(log, (NOW, [1]), (NOW - DAY, [2]))
        prune(log, KEY, before=NOW + 1, now=NOW, most=1)
        assert prune(log, KEY, before=NOW + 1, now=NOW, most=1).last == 2
        assert chain.append(log, [draft(1, at=NOW)], now=NOW).records == 0
        assert _holds(log)


def test_a_tombstone_says_what_it_buries() -> None:
    with opened() as log:
        _segments(log, (NOW, [1, 2]), (NOW, [3]), (NOW, [4]))
        prune(log, KEY, before=NOW + 1, now=NOW + 5, most=3)
        prune(log, KEY, before=NOW + 1, now=NOW + 6)
        first, second = (
            json.loads(payload)
            for (payload,) in log.execute("SELECT payload FROM tombstone ORDER BY number")
        )
        assert (first["first"], first["sequence"], first["records"]) == (1, 3, 3)
        assert (second["first"], second["sequence"], second["records"]) == (4, 4, 1)
        assert second["hash"] == chain.head(log).hash
        assert second["time"] == "2027-01-15T08:00:06.000Z"
        assert second["before"] == "2027-01-15T08:00:01.000Z"


def test_another_key_prunes_nothing() -> None:
    with opened() as log:
        _segments(log, (NOW, [1]))
        with pytest.raises(StorageFailed, match="begun with the key"):
            prune(log, OTHER, before=NOW + 1, now=NOW)
        assert uids(log) == ["us_evt_1"]
