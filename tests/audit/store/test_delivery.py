"""How far each sink has come, and what it would not take."""

import pytest

from exporter.audit.retention import prune
from exporter.audit.store import chain, delivery, tallies
from exporter.audit.store.checkpoints import checkpoint
from exporter.audit.store.delivery import Backlog, DeadLetter
from exporter.errors import StorageFailed
from tests.audit.store.stage import KEY, NOW, drafts, one, opened


def test_a_new_sink_waits_for_everything_and_an_acknowledged_one_for_nothing() -> None:
    with opened() as log:
        delivery.register(log, "file")
        assert delivery.backlog(log) == {"file": Backlog(records=0, bytes=0, oldest=None)}
        chain.append(log, drafts(1, 2), now=NOW)
        chain.append(log, drafts(3), now=NOW + 9)
        total = one(log, "SELECT sum(length(body)) FROM record")
        last = one(log, "SELECT length(body) FROM record WHERE sequence = 3")
        assert delivery.backlog(log) == {"file": Backlog(records=3, bytes=total, oldest=NOW)}
        delivery.acknowledge(log, "file", 2, {}, NOW)
        assert delivery.cursor(log, "file") == 2
        assert delivery.backlog(log) == {"file": Backlog(records=1, bytes=last, oldest=NOW + 9)}
        delivery.acknowledge(log, "file", 3, {}, NOW)
        assert delivery.backlog(log) == {"file": Backlog(records=0, bytes=0, oldest=None)}


def test_each_sink_has_its_own_place_and_none_goes_back() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2, 3), now=NOW)
        for sink in ("file", "loki"):
            delivery.register(log, sink)
        delivery.acknowledge(log, "file", 3, {}, NOW)
        delivery.acknowledge(log, "file", 1, {}, NOW)
        delivery.register(log, "file")
        assert (delivery.cursor(log, "file"), delivery.cursor(log, "loki")) == (3, 0)
        assert delivery.cursor(log, "unheard of") == 0


def test_what_is_refused_is_a_dead_letter_and_counted_for_ever() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2, 3), now=NOW)
        for sink in ("loki", "otlp"):
            delivery.register(log, sink)
        delivery.acknowledge(log, "loki", 3, {1: "too_old", 3: "too_large"}, NOW + 1)
        delivery.acknowledge(log, "otlp", 3, {2: "too_large"}, NOW + 2)
        assert delivery.dead_letters(log, "loki") == [
            DeadLetter(sink="loki", sequence=1, uid="us_evt_1", reason="too_old", at=NOW + 1),
            DeadLetter(sink="loki", sequence=3, uid="us_evt_3", reason="too_large", at=NOW + 1),
        ]
        assert len(delivery.dead_letters(log)) == 3
        assert delivery.resend(log, "loki") == 2
        assert delivery.dead_letters(log, "loki") == []
        assert tallies.reading(log).dead == {
            ("loki", "too_large"): 1,
            ("loki", "too_old"): 1,
            ("otlp", "too_large"): 1,
        }


def test_dead_letters_are_sent_again_oldest_first_and_refused_again() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2, 3, 4), now=NOW)
        delivery.register(log, "loki")
        delivery.acknowledge(log, "loki", 4, {4: "x", 1: "x", 2: "x"}, NOW)
        assert delivery.resend(log) == 3
        assert delivery.resend(log) == 0
        assert [e.sequence for e in delivery.retries(log, "loki", 2)] == [1, 2]
        size = one(log, "SELECT sum(length(body)) FROM record WHERE sequence IN (1, 2, 4)")
        waiting = Backlog(records=3, bytes=size, again=size, oldest=NOW)
        assert delivery.backlog(log) == {"loki": waiting}
        delivery.retried(log, "loki", [1, 2], {2: "y"}, NOW + 5)
        assert [e.sequence for e in delivery.retries(log, "loki", 9)] == [4]
        assert delivery.dead_letters(log) == [
            DeadLetter(sink="loki", sequence=2, uid="us_evt_2", reason="y", at=NOW + 5)
        ]
        assert tallies.reading(log).dead == {("loki", "x"): 3, ("loki", "y"): 1}
        assert delivery.retries(log, "other", 9) == []


def test_a_sink_that_is_retired_holds_up_nothing_and_comes_back_where_it_was() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2), now=NOW)
        for sink in ("file", "loki"):
            delivery.register(log, sink)
        delivery.acknowledge(log, "loki", 1, {}, NOW)
        delivery.retire(log, keep=["file"])
        assert set(delivery.backlog(log)) == {"file"}
        delivery.register(log, "loki")
        assert delivery.backlog(log)["loki"].records == 1


def test_what_was_pruned_waits_for_nobody() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2), now=NOW)
        checkpoint(log, KEY, NOW)
        chain.append(log, drafts(3), now=NOW)
        prune(log, KEY, before=NOW + 1, now=NOW)
        delivery.register(log, "late")
        last = one(log, "SELECT length(body) FROM record")
        assert delivery.backlog(log) == {"late": Backlog(records=1, bytes=last, oldest=NOW)}


@pytest.mark.parametrize("lacking", [1, 2, 4])
def test_a_record_that_is_not_there_stops_the_sink_and_is_not_passed_over(lacking: int) -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2, 3, 4), now=NOW)
        delivery.register(log, "file")
        assert [entry.sequence for entry in delivery.coming(log, "file", 9)] == [1, 2, 3, 4]
        log.execute("DELETE FROM record WHERE sequence = ?", (lacking,))
        delivery.acknowledge(log, "file", lacking - 1, {}, NOW)
        with pytest.raises(StorageFailed, match="audit verify"):
            delivery.coming(log, "file", 9)


def test_a_sink_that_is_behind_what_was_pruned_goes_on_after_it() -> None:
    with opened() as log:
        chain.append(log, drafts(1, 2), now=NOW)
        checkpoint(log, KEY, NOW)
        prune(log, KEY, before=NOW + 1e6, now=NOW + 1e6)
        chain.append(log, drafts(3), now=NOW + 1e6)
        delivery.register(log, "file")
        assert [entry.sequence for entry in delivery.coming(log, "file", 9)] == [3]
