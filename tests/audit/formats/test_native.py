"""Format ``native``: whoever has a line can prove it."""

import hashlib
import json

from hypothesis import given, settings

from exporter.audit.canonical import canonical
from exporter.audit.formats import FORMATS, csv
from exporter.audit.formats.native import native
from exporter.audit.record import ActorKind, Entry
from tests.audit.formats.records import (
    NAME,
    PEOPLE,
    amended,
    an_entry,
    every,
    odd,
    resolved,
    unresolved,
)


def test_a_line_holds_the_record_its_hash_and_the_people_in_it_and_no_more() -> None:
    entry = an_entry(actor=resolved(ActorKind.GUEST))
    assert json.loads(native(entry)) == {
        "record": entry.record,
        "hash": entry.hash,
        "people": PEOPLE,
    }


@settings(max_examples=60)
@given(odd())
def test_the_hash_can_be_computed_from_the_line_alone(entry: Entry) -> None:
    line = native(entry)
    told = json.loads(line)
    start = len(b'{"record":')
    body = line[start : start + len(entry.body)]
    assert hashlib.sha256(body).hexdigest() == told["hash"] == entry.hash
    assert hashlib.sha256(canonical(told["record"])).hexdigest() == told["hash"]


def test_a_name_that_is_no_unicode_spoils_no_line() -> None:
    entry = an_entry(actor=resolved(ActorKind.GUEST), people={**PEOPLE, NAME: "A\ud800"})
    for form in (*FORMATS.values(), csv.row):
        assert "A?" in form(entry).decode("utf-8")


def test_an_amendment_stands_beside_the_record_and_changes_nothing_in_it() -> None:
    entry = an_entry(actor=unresolved(ActorKind.GUEST))
    who = resolved(ActorKind.GUEST)
    told = json.loads(native(amended(entry, who, 7)))
    assert told.pop("amended") == {"actor": who, "sequence": 7}
    assert told == json.loads(native(entry))


@settings(max_examples=60)
@given(odd())
def test_each_format_gives_one_line_of_json_in_utf_8(entry: Entry) -> None:
    for form in FORMATS.values():
        line = form(entry)
        assert b"\n" not in line
        assert b"\r" not in line
        assert isinstance(json.loads(line.decode("utf-8")), dict)


def test_names_and_addresses_that_are_not_kept_are_in_no_format() -> None:
    for entry in every():
        bare = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
        for form in FORMATS.values():
            line = form(Entry(**{**bare, "people": {}}))
            assert not any(text.encode() in line for text in PEOPLE.values())
