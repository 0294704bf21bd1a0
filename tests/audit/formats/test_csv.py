"""Format ``csv``: cells that a spreadsheet shows and never runs."""

import csv
import io
import json

import pytest
from hypothesis import given, settings

from exporter.audit.formats.csv import COLUMNS, header, row
from exporter.audit.record import ActorKind, Entry
from tests.audit.formats.records import (
    ACCOUNT,
    NAME,
    NOW,
    PEOPLE,
    SPACE,
    amended,
    an_entry,
    iso,
    odd,
    resolved,
    unresolved,
)


def told(entry: Entry) -> dict[str, str]:
    text = (header() + row(entry)).decode("utf-8")
    (cells,) = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return cells


def test_the_columns_are_these_in_this_order() -> None:
    assert header() == (
        b"sequence,uid,kind,topic,time,recorded,late,source,environment_id,environment_name,"
        b"space_id,space_name,actor_id,actor_kind,actor_name,actor_email,actor_label,actor_basis,"
        b"actor_amended,context,payload,detail,hash\r\n"
    )


def test_a_row_tells_the_record() -> None:
    entry = an_entry("space:deleted", actor=resolved(ActorKind.GUEST), late=True)
    cells = told(entry)
    assert json.loads(cells.pop("context"))["accountId"] == ACCOUNT
    assert cells == {
        "sequence": "1",
        "uid": "us_evt_1",
        "kind": "event",
        "topic": "space:deleted",
        "time": iso(NOW),
        "recorded": iso(NOW + 2),
        "late": "true",
        "source": "feed",
        "environment_id": "us_env_1",
        "environment_name": "staging",
        "space_id": SPACE,
        "space_name": "Imports",
        "actor_id": "us_g_1",
        "actor_kind": "guest",
        "actor_name": "Ada Field",
        "actor_email": "ada@example.org",
        "actor_label": "",
        "actor_basis": "listing",
        "actor_amended": "",
        "payload": "",
        "detail": "",
        "hash": entry.hash,
    }


@settings(max_examples=60)
@given(odd())
def test_every_row_has_every_column_and_none_is_a_formula(entry: Entry) -> None:
    cells = told(entry)
    assert tuple(cells) == COLUMNS
    assert not any(
        cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n", "\0"} for cell in cells.values() if cell
    )


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\0"])
def test_a_name_that_begins_like_a_formula_is_made_inert_and_stays_legible(begin: str) -> None:
    name = f'{begin}cmd|"/c calc",x'
    entry = an_entry(actor=resolved(ActorKind.USER), people={**PEOPLE, NAME: name})
    assert told(entry)["actor_name"] == f"'{name}"


def test_line_breaks_quotes_and_commas_stay_within_their_cell() -> None:
    name = 'A "b", c\r\nd\ne'
    entry = an_entry(space={"id": SPACE, "name": name})
    assert told(entry)["space_name"] == name
    assert row(entry).endswith(b"\r\n")


def test_an_actor_named_by_an_amendment_is_shown_with_its_sequence() -> None:
    entry = amended(an_entry(actor=unresolved(ActorKind.GUEST)), resolved(ActorKind.GUEST), 12)
    cells = told(entry)
    assert (cells["actor_name"], cells["actor_amended"]) == ("Ada Field", "12")
