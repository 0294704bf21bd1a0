"""A record as a row, and names of tables."""

import pytest

from exporter.audit.record import Kind
from exporter.audit.sinks.table import COLUMNS, columns, creation, quoted, redacted
from tests.audit.sinks.stage import ANNA, an_entry, entries


def row(**fields: object) -> dict[str, object]:
    arrays = columns([an_entry(7, **fields)])  # type: ignore[arg-type] # as a test names them
    return {name: array[0] for name, array in zip(COLUMNS, arrays, strict=True)}


@pytest.mark.parametrize(
    ("name", "identifier"),
    [("audit", '"audit"'), ("Log.audit_2", '"Log"."audit_2"'), ("_a$1", '"_a$1"')],
)
def test_a_name_is_quoted_as_it_is_written(name: str, identifier: str) -> None:
    assert quoted(name) == identifier


@pytest.mark.parametrize(
    "name",
    ["", "a.b.c", "a b", 'a"; DROP TABLE b; --', "a\n", "1a", ".a", "a.", "a" * 64, "größe"],
)
def test_what_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a table"):
        quoted(name)


def test_the_table_that_is_made_has_the_documented_columns_and_one_key() -> None:
    made = creation('"audit"')
    assert all(f"{name} {kind}" in made for name, kind in COLUMNS.items())
    assert made.count("PRIMARY KEY") == 1


def test_a_person_stands_in_plain_columns_and_only_there() -> None:
    found = row()
    assert (found["actor_name"], found["actor_email"]) == (
        "Anna CANARY",
        "anna@canary-mail.example",
    )
    assert "CANARY" not in str(found["record"])


def test_without_plain_text_the_columns_of_a_person_are_null() -> None:
    found = row(people={})
    assert found["actor_id"] == ANNA
    assert (found["actor_name"], found["actor_email"]) == (None, None)


def test_an_agent_is_named_by_its_slug() -> None:
    agent = {"id": "us_ag_1", "kind": "agent", "name": None, "email": None, "label": "importer"}
    assert row(actor=agent)["actor_name"] == "importer"


def test_what_has_neither_actor_nor_environment_nor_space_has_nulls() -> None:
    found = row(actor=None, environment=None, space=None)
    assert {found[f"{what}_id"] for what in ("actor", "environment", "space")} == {None}


def test_a_character_that_jsonb_cannot_hold_is_replaced_and_the_hash_stays() -> None:
    space = {"id": "us_sp_1", "name": "bad\0name"}
    plain, found = an_entry(7, space=space), row(space=space)
    assert found["space_name"] == "bad\ufffdname"
    assert "\\u0000" not in str(found["record"])
    assert "bad\ufffdname" in str(found["record"])
    assert found["hash"] == bytes.fromhex(plain.hash)


def test_a_backslash_before_zeros_is_no_such_character() -> None:
    space = {"id": "us_sp_1", "name": "\\u0000"}
    assert row(space=space)["space_name"] == "\\u0000"


def test_a_redaction_names_whose_plain_text_goes() -> None:
    told = an_entry(9, kind=Kind.REDACTION, detail={"person": ANNA, "kind": "user"})
    assert redacted([*entries(1, 3), told]) == [ANNA]
