"""Which stream a record belongs to, and in which pieces a stream is pushed."""

import json

from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.sinks.streams import HOUR, WEEK, Piece, Window, body, labels_of, pieces, pushes
from tests.audit.sinks.stage import NOW, an_entry, entries, line

WINDOW = Window()
CONSTANT = {"job": "audit"}
ON_TIME = labels_of(WINDOW, CONSTANT)


@given(
    st.lists(st.floats(-WEEK, 0).map(lambda s: NOW + s), min_size=1, max_size=30),
    st.floats(0, WEEK).map(lambda s: NOW - s),
)
def test_no_piece_holds_what_its_stream_would_find_too_far_behind(
    times: list[float], newest: float
) -> None:
    whole = [an_entry(n, at=at) for n, at in enumerate(times, 1)]
    ends: dict[object, float] = {ON_TIME: newest}
    seen = []
    for piece in pieces(whole, WINDOW, CONSTANT, newest=newest, largest=5_000):
        stamps = [e.at for e in piece.entries]
        assert stamps == sorted(stamps)
        assert stamps[0] >= ends.get(piece.labels, stamps[0]) - HOUR
        assert stamps[-1] - stamps[0] <= HOUR
        ends[piece.labels] = max(stamps[-1], ends.get(piece.labels, 0.0))
        seen += [e.sequence for e in piece.entries]
    assert sorted(seen) == [e.sequence for e in whole]


@given(st.floats(0, 30 * WEEK), st.floats(0, WEEK - HOUR))
def test_two_records_in_one_slot_are_never_further_apart_than_the_window(
    first: float, apart: float
) -> None:
    if WINDOW.slot(first) == WINDOW.slot(first + apart):
        assert apart <= HOUR


def test_there_are_as_many_streams_of_late_records_as_a_week_has_hours_and_one() -> None:
    assert len({WINDOW.slot(n * 60.0) for n in range(10**5)}) == 169


def test_a_record_is_late_from_an_hour_behind_the_newest_on() -> None:
    on_time, late = an_entry(1, at=NOW - HOUR), an_entry(2, at=NOW - HOUR - 0.001)
    first, second = pieces([late, on_time], WINDOW, CONSTANT, newest=NOW, largest=10**6)
    assert (first.labels, list(first.entries)) == (ON_TIME, [on_time])
    assert ("late", "true") in second.labels
    assert list(second.entries) == [late]


def test_a_large_batch_goes_in_pieces_and_a_large_record_alone() -> None:
    large = an_entry(2, payload={"text": "x" * 5_000})
    found = list(
        pieces([an_entry(1), large, an_entry(3)], WINDOW, CONSTANT, newest=NOW, largest=2_000)
    )
    assert [len(piece.entries) for piece in found] == [1, 1, 1]


def test_ids_stand_beside_the_line_and_names_of_people_do_not() -> None:
    stream = json.loads(body([Piece(ON_TIME, entries(1, 1))], line, metadata=True))["streams"][0]
    assert stream["stream"] == {"job": "audit"}
    ((at, text, beside),) = stream["values"]
    assert at == "1800000001000000000"
    assert json.loads(text)["uid"] == beside["uid"] == "us_evt_00000001"
    assert beside["actor_id"] == "us_usr_anna"
    assert "CANARY" not in str(beside)


def test_what_is_not_known_is_left_out_of_what_stands_beside() -> None:
    entry = an_entry(1, actor=None, space=None, environment={"id": None, "name": None})
    ((_, _, beside),) = json.loads(body([Piece(ON_TIME, [entry])], line, metadata=True))["streams"][
        0
    ]["values"]
    assert set(beside) == {"uid", "sequence", "kind", "topic"}


def test_nothing_stands_beside_where_that_is_not_wanted() -> None:
    ((_, _),) = json.loads(body([Piece(ON_TIME, entries(1, 1))], line, metadata=False))["streams"][
        0
    ]["values"]


def test_streams_share_a_request_until_it_is_large_or_one_would_be_in_it_twice() -> None:
    def lot(label: str, *sequences: int) -> Piece:
        return Piece((("job", label),), [an_entry(n) for n in sequences])

    one = lot("a", 1).size
    found = pushes([lot("a", 1), lot("b", 2), lot("c", 3), lot("c", 4), lot("d", 5)], 2 * one + 9)
    assert [[dict(p.labels)["job"] for p in push] for push in found] == [
        ["a", "b"],
        ["c"],
        ["c", "d"],
    ]
