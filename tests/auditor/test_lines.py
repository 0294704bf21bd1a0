"""Lines of format native as a sink wrote them: what they prove without the store."""

import json
import re
from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.canonical import canonical, digest
from exporter.audit.formats.native import native
from exporter.audit.record import GENESIS, ActorKind, Entry
from exporter.audit.store.seal import SignedHead
from exporter.auditor.lines import Proof, Prover
from tests.audit.formats.records import amended, an_entry, entry_of, resolved, unresolved

COUNT = 8


def linked(count: int = COUNT, *, mark: str = "") -> list[Entry]:
    """A chain; ``mark`` makes it another one."""
    entries: list[Entry] = []
    previous = GENESIS
    for sequence in range(1, count + 1):
        plain = an_entry(sequence=sequence, payload={"mark": mark, "share": 0.1})
        record = {**plain.record, "previous": previous}
        entries.append(entry_of(record, sequence, plain.at, {}))
        previous = entries[-1].hash
    return entries


LINES = [native(entry) + b"\n" for entry in linked()]
OTHER = [native(entry) + b"\n" for entry in linked(mark="another")]


def proof(lines: list[bytes], head: SignedHead | None = None) -> Proof:
    return Prover(head).prove(lines)


def test_a_whole_file_is_proven_from_its_first_to_its_last_record() -> None:
    found = proof(LINES)
    assert found.problem == ""
    assert (found.lines, found.records, found.repeated) == (COUNT, COUNT, 0)
    assert (found.first, found.last, found.hash) == (1, COUNT, linked()[-1].hash)


def test_a_file_that_begins_later_is_proven_from_there() -> None:
    found = proof(LINES[3:])
    assert (found.problem, found.first, found.records) == ("", 4, COUNT - 3)


def test_an_empty_file_proves_nothing_and_is_not_wrong() -> None:
    assert proof([]) == Proof()
    assert proof([b"\n"]) == Proof()


@given(st.lists(st.integers(1, COUNT), max_size=4))
def test_what_came_again_after_a_failure_is_known_again(steps: list[int]) -> None:
    """A sink that was asked again goes on from some record that it has already."""
    again = list(chain.from_iterable(LINES[step - 1 : COUNT] for step in steps))
    found = proof(LINES + again)
    assert (found.problem, found.records, found.repeated) == ("", COUNT, len(again))


@given(st.data())
def test_any_byte_of_the_record_or_the_hash_that_is_flipped_is_found(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, COUNT - 1))
    line = LINES[which]
    end = line.index(b'","people":')
    at = data.draw(st.integers(0, end - 1))
    flipped = line[:at] + bytes([line[at] ^ data.draw(st.integers(1, 255))]) + line[at + 1 :]
    lines = [*LINES[:which], flipped, *LINES[which + 1 :]]
    problem = proof(lines).problem
    # White space between the parts of the envelope is no part of what was said.
    assert problem or json.loads(flipped) == json.loads(line)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda lines: [*lines[:3], *lines[4:]], r"line 4: record 5 .* missing"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], r"line 2: record 1 .* after later ones"),
        (lambda lines: [*lines[:4], lines[5], lines[4]], r"line 5: record 6 .* missing"),
        (lambda lines: [*lines[:4], *OTHER[4:]], r"line 5: record 5 .* does not fit record 4"),
        (lambda lines: [*lines, OTHER[2]], r"line 9: record 3 .* another content"),
        (lambda lines: [*lines[:7], lines[7][:-20]], r"line 8: it is no whole line"),
        (lambda lines: [*lines, b"[]\n"], "line 9: it is no whole line"),
        (lambda lines: [*lines, b'{"record":{}}\n'], "line 9: it is no whole line"),
        (lambda lines: [*lines, b"[" * 100_000], "line 9: it is no whole line"),
    ],
)
def test_a_line_that_is_missing_swapped_replaced_or_torn_is_named(
    spoil: Callable[[list[bytes]], list[bytes]], expected: str
) -> None:
    assert re.match(expected, proof(spoil(LINES)).problem)


def test_a_key_that_stands_twice_is_refused_because_two_readers_could_read_two_records() -> None:
    line = LINES[0].replace(b'"late":false', b'"late":true,"late":false')
    assert line != LINES[0]
    assert proof([line]).problem == "line 1: it is no whole line of format native (ValueError)"


def test_what_is_no_json_is_refused_even_where_it_would_be_hashed_as_the_same() -> None:
    line = LINES[0].replace(b'"origin":null', b'"origin":NaN')
    assert line != LINES[0]
    assert "it is no whole line" in proof([line]).problem


def test_a_sequence_beyond_every_number_is_refused() -> None:
    line = LINES[0].replace(b'"sequence":1,', b'"sequence":1e999,')
    assert line != LINES[0]
    assert "it is no whole line" in proof([line]).problem


def test_a_record_whose_hash_was_made_again_does_not_fit_its_neighbours() -> None:
    told = json.loads(LINES[3])
    told["record"]["topic"] = "space:created"
    told["hash"] = digest(canonical(told["record"]))
    forged = json.dumps(told).encode()
    assert "does not fit" in proof([*LINES[:3], forged, *LINES[4:]]).problem


def test_a_first_record_with_a_predecessor_is_refused() -> None:
    told = json.loads(LINES[0])
    told["record"]["previous"] = "a" * 64
    told["hash"] = digest(canonical(told["record"]))
    assert "predecessor" in proof([json.dumps(told).encode()]).problem


def test_lines_that_a_shipper_wrote_anew_prove_the_same() -> None:
    anew = [json.dumps(json.loads(line), indent=None, sort_keys=True).encode() for line in LINES]
    assert anew != LINES
    assert proof(anew).problem == ""


def test_an_amendment_beside_a_record_is_no_part_of_what_is_proven() -> None:
    entry = an_entry(actor=unresolved(ActorKind.GUEST))
    assert proof([native(amended(entry, resolved(ActorKind.GUEST)))]).problem == ""


def signed(sequence: int, hash_: str) -> SignedHead:
    said = {"schema": 1, "statement": "head", "sequence": sequence, "hash": hash_}
    return SignedHead(payload=canonical(said), signature=b"", public="")


def test_a_head_that_was_kept_elsewhere_shows_a_cut_tail_and_another_log() -> None:
    ends = [entry.hash for entry in linked()]
    assert proof(LINES, signed(COUNT, ends[-1])).problem == ""
    assert proof(LINES, signed(5, ends[4])).problem == ""  # the sink has gone on since
    assert "they end with record 6" in proof(LINES[:6], signed(COUNT, ends[-1])).problem
    assert "they end with record 0" in proof([], signed(COUNT, ends[-1])).problem
    assert "record 8 (us_evt_8) is not the one" in proof(OTHER, signed(COUNT, ends[-1])).problem
