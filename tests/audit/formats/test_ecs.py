"""Format ``ecs``: each line against the fields and allowed values of ECS 8.17."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from exporter.audit.formats.ecs import VERSION, ecs
from exporter.audit.record import ActorKind, Entry, Kind
from tests.audit.formats.records import (
    ACCOUNT,
    NOW,
    SPACE,
    amended,
    an_entry,
    every,
    iso,
    odd,
    resolved,
    unresolved,
)
from tests.audit.formats.schemas import ECS, ecs_problems


def told(entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ecs(entry))
    return document


def test_it_names_the_version_that_it_is_checked_against() -> None:
    assert told(an_entry())["ecs"] == {"version": VERSION}
    assert ECS["schema"] == f"ECS {VERSION}"


def test_every_topic_with_every_actor_is_a_valid_document() -> None:
    assert [(e.record["topic"], p) for e in every() if (p := ecs_problems(told(e)))] == []


@settings(max_examples=60)
@given(odd())
def test_an_odd_record_is_a_valid_document_all_the_same(entry: Entry) -> None:
    assert ecs_problems(told(entry)) == []


@pytest.mark.parametrize(
    ("topic", "category", "types"),
    [
        ("space:created", "configuration", ["creation"]),
        ("space:archived", "configuration", ["change"]),
        ("space:guestAdded", "iam", ["change", "user"]),
        ("agent:deleted", "configuration", ["deletion"]),
        ("records:deleted", "database", ["change"]),
        ("file:created", "file", ["creation"]),
        ("commit:completed", "database", ["change"]),
        ("job:completed", "api", ["end"]),
        ("no-colon", "api", ["change"]),
    ],
)
def test_a_topic_has_its_category_and_type(topic: str, category: str, types: list[str]) -> None:
    event = told(an_entry(topic))["event"]
    assert (event["kind"], event["category"], event["type"]) == ("event", [category], types)


def test_a_space_that_was_deleted_is_told_whole() -> None:
    entry = an_entry("space:deleted", actor=resolved(ActorKind.GUEST), sequence=7)
    document = told(entry)
    assert document["@timestamp"] == iso(NOW)
    event = document["event"]
    assert (event["id"], event["action"], event["sequence"]) == ("us_evt_7", "space:deleted", 7)
    assert (event["created"], event["hash"]) == (iso(NOW + 2), entry.hash)
    assert (event["module"], event["dataset"]) == ("flatfile", "flatfile.audit")
    assert event["outcome"] == "success"
    assert document["user"] == {"id": "us_g_1", "name": "Ada Field", "email": "ada@example.org"}
    assert document["organization"] == {"id": ACCOUNT}
    assert document["labels"] == {
        "environment_id": "us_env_1",
        "environment_name": "staging",
        "space_id": SPACE,
        "space_name": "Imports",
    }
    assert document["related"]["user"] == ["Ada Field", "ada@example.org", "us_g_1"]
    assert document["related"]["hash"] == sorted([entry.hash, "c" * 64])
    assert document["flatfile"]["kind"] == "event"


def test_a_change_of_a_person_is_about_a_target() -> None:
    detail = resolved(ActorKind.USER)
    document = told(an_entry("user:removed", Kind.CHANGE, detail=detail, source="listing"))
    assert document["user"] == {
        "target": {"id": "us_usr_1", "name": "Ada Field", "email": "ada@example.org"}
    }
    assert document["event"]["type"] == ["deletion", "user"]


def test_a_change_of_an_agent_is_about_no_person() -> None:
    detail = resolved(ActorKind.AGENT)
    document = told(an_entry("agent:removed", Kind.CHANGE, detail=detail, source="listing"))
    assert "user" not in document
    assert document["flatfile"]["detail"]["id"] == "us_ag_1"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.AMENDMENT, "enrichment"),
        (Kind.GAP, "pipeline_error"),
        (Kind.REDACTION, "event"),
    ],
)
def test_what_the_log_says_of_itself_has_a_kind_of_its_own_and_no_outcome(
    kind: Kind, expected: str
) -> None:
    event = told(an_entry(f"audit:{kind.value}", kind, source="exporter"))["event"]
    assert event["kind"] == expected
    assert "outcome" not in event


@pytest.mark.parametrize("kind", ActorKind)
def test_an_actor_of_whom_nothing_is_known_is_an_id(kind: ActorKind) -> None:
    assert told(an_entry(actor=unresolved(kind)))["user"].keys() == {"id"}


def test_an_actor_named_by_an_amendment_is_shown_and_flagged() -> None:
    entry = amended(an_entry(actor=unresolved(ActorKind.GUEST)), resolved(ActorKind.GUEST), 12)
    document = told(entry)
    assert document["user"]["name"] == "Ada Field"
    assert document["flatfile"]["amendment"] == 12
    assert document["flatfile"]["actor"]["basis"] == "listing"


def test_a_job_that_failed_is_a_failure() -> None:
    assert told(an_entry("job:failed"))["event"]["outcome"] == "failure"
