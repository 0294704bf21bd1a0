"""Format ``ocsf``: each line against the requirements of OCSF 1.8.0."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings

from exporter.audit.formats.ocsf.event import VERSION, ocsf
from exporter.audit.record import ActorKind, Entry, Kind
from tests.audit.formats.records import (
    ACCOUNT,
    CHANGES,
    NOW,
    PEOPLE,
    SPACE,
    amended,
    an_entry,
    every,
    iso,
    odd,
    resolved,
    unresolved,
)
from tests.audit.formats.schemas import OCSF, ocsf_problems


def told(entry: Entry) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(ocsf(entry))
    return event


def test_it_names_the_version_that_it_is_checked_against() -> None:
    assert told(an_entry())["metadata"]["version"] == VERSION
    assert OCSF["schema"] == f"OCSF {VERSION}"


def test_every_topic_with_every_actor_is_a_valid_event() -> None:
    assert [(e.record["topic"], p) for e in every() if (p := ocsf_problems(told(e)))] == []


@settings(max_examples=60)
@given(odd())
def test_an_odd_record_is_a_valid_event_all_the_same(entry: Entry) -> None:
    assert ocsf_problems(told(entry)) == []


@pytest.mark.parametrize(
    ("topic", "expected", "name"),
    [
        ("space:created", 300401, "Create"),
        ("space:updated", 300403, "Update"),
        ("space:deleted", 300404, "Delete"),
        ("space:archived", 300409, "Disable"),
        ("space:unarchived", 300408, "Enable"),
        ("space:expired", 300499, "expired"),
        ("space:guestAdded", 300501, "Assign Privileges"),
        ("space:guestRemoved", 300502, "Revoke Privileges"),
        ("environment:deleted", 300404, "Delete"),
        ("environment:autobuild-created", 300499, "autobuild-created"),
        ("agent:created", 600201, "Install"),
        ("agent:updated", 600208, "Update"),
        ("agent:deleted", 600202, "Remove"),
        ("records:updated", 600303, "Update"),
        ("job:failed", 600399, "failed"),
        ("secret:deleted", 600304, "Delete"),
        ("no-colon", 600399, "no-colon"),
    ],
)
def test_a_topic_has_its_class_and_activity(topic: str, expected: int, name: str) -> None:
    event = told(an_entry(topic, payload={"agentId": "us_ag_2"}))
    assert (event["type_uid"], event["activity_name"]) == (expected, name)


@pytest.mark.parametrize(
    ("topic", "expected"),
    list(
        zip(
            CHANGES,
            (300101, 300106, 300199, 300101, 300106, 300199, 600201, 600202, 600208),
            strict=True,
        )
    ),
)
def test_a_change_is_about_the_one_that_changed_and_names_nobody_who_did_it(
    topic: str, expected: int
) -> None:
    subject = resolved(ActorKind(topic.partition(":")[0]))
    event = told(an_entry(topic, Kind.CHANGE, detail=subject, source="listing"))
    assert event["type_uid"] == expected
    assert "actor" not in event
    if expected < 600000:
        assert event["user"]["uid"] == subject["id"]
        assert (event["user"]["name"], event["user"]["email_addr"]) == tuple(PEOPLE.values())
    else:
        assert event["app"] == {"uid": subject["id"], "name": "importer"}


@pytest.mark.parametrize("kind", [Kind.AMENDMENT, Kind.GAP, Kind.REDACTION])
def test_what_the_log_says_of_itself_is_an_event_of_the_log(kind: Kind) -> None:
    event = told(an_entry(f"audit:{kind.value}", kind, detail={"kind": "forgotten"}))
    assert (event["type_uid"], event["activity_name"]) == (100899, kind.value)
    expected = (3, "Medium") if kind is Kind.GAP else (1, "Informational")
    assert (event["severity_id"], event["severity"]) == expected


def test_a_space_that_was_deleted_is_told_whole() -> None:
    event = told(an_entry("space:deleted", actor=resolved(ActorKind.GUEST), sequence=7))
    assert event["entity"] == {"uid": SPACE, "name": "Imports", "type_id": 99, "type": "space"}
    assert event["actor"]["user"] == {
        "uid": "us_g_1",
        "name": "Ada Field",
        "full_name": "Ada Field",
        "email_addr": "ada@example.org",
        "type_id": 99,
        "type": "Guest",
    }
    assert event["time"] == NOW * 1000
    metadata = event["metadata"]
    assert (metadata["uid"], metadata["sequence"]) == ("us_evt_7", 7)
    assert metadata["original_event_uid"] == "us_evt_7"
    assert (metadata["original_time"], metadata["logged_time"]) == (iso(NOW), NOW * 1000 + 2000)
    assert (metadata["event_code"], metadata["tenant_uid"]) == ("space:deleted", ACCOUNT)
    assert event["raw_data_hash"] == {"algorithm_id": 3, "algorithm": "SHA-256", "value": "c" * 64}
    identity = event["enrichments"][0]
    assert (identity["name"], identity["value"]) == ("actor.user.uid", "us_g_1")
    assert identity["created_time"] == (NOW - 86_400) * 1000
    assert identity["data"]["basis"] == "listing"
    assert event["unmapped"]["environment"] == {"id": "us_env_1", "name": "staging"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ActorKind.USER, (1, "User")),
        (ActorKind.GUEST, (99, "Guest")),
        (ActorKind.AGENT, (4, "Service")),
        (ActorKind.API_KEY, (99, "API key")),
        (ActorKind.UNKNOWN, (0, "Unknown")),
    ],
)
def test_each_kind_of_actor_is_a_type_of_user(kind: ActorKind, expected: tuple[int, str]) -> None:
    user = told(an_entry(actor=resolved(kind)))["actor"]["user"]
    assert (user["type_id"], user["type"]) == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2027-01-15T08:00:00Z", NOW * 1000),
        ("2027-01-15T08:00", NOW * 1000),
        ("x", None),
        (7, None),
    ],
)
def test_the_time_of_an_enrichment_is_utc_and_left_out_where_it_is_none(
    as_of: object, expected: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        event = told(an_entry(actor={**resolved(ActorKind.GUEST), "as_of": as_of}))
    time.tzset()
    assert event["enrichments"][0].get("created_time") == expected


def test_what_is_no_agent_is_not_taken_for_one() -> None:
    origin = {"id": "us_sp_1", "slug": "a Space"}
    event = told(an_entry("agent:updated", context={"entityId": "us_wb_1"}, origin=origin))
    assert event["class_uid"] == 6003
    origin = {"id": "us_ag_7", "slug": "importer"}
    assert told(an_entry("agent:updated", origin=origin))["app"] == {
        "uid": "us_ag_7",
        "name": "importer",
    }


@pytest.mark.parametrize("kind", ActorKind)
def test_an_actor_of_whom_nothing_is_known_is_an_id_and_a_type(kind: ActorKind) -> None:
    for who in (unresolved(kind), {**unresolved(kind), "basis": "erased"}):
        user = told(an_entry(actor=who))["actor"]["user"]
        assert user.keys() == {"uid", "type_id", "type"}


def test_an_actor_named_by_an_amendment_is_shown_and_flagged() -> None:
    entry = amended(an_entry(actor=unresolved(ActorKind.GUEST)), resolved(ActorKind.GUEST), 12)
    event = told(entry)
    assert event["actor"]["user"]["name"] == "Ada Field"
    assert event["enrichments"][0]["data"]["amendment"] == 12
    assert event["unmapped"]["amendment"] == 12


def test_an_address_that_the_schema_does_not_admit_is_left_out_of_the_typed_attribute() -> None:
    entry = an_entry(actor=resolved(ActorKind.USER), people=dict.fromkeys(PEOPLE, "not an address"))
    event = told(entry)
    assert "email_addr" not in event["actor"]["user"]
    assert event["enrichments"][0]["data"]["email"] == "not an address"


def test_a_guest_who_is_not_named_is_a_user_of_the_account_and_no_invention() -> None:
    event = told(an_entry("space:guestAdded"))
    assert event["user"] == {"account": {"uid": ACCOUNT}, "type_id": 99, "type": "Guest"}
    assert event["resources"] == [{"uid": SPACE, "name": "Imports", "type": "space"}]


@pytest.mark.parametrize("topic", ["space:deleted", "space:guestAdded", "agent:deleted"])
def test_an_event_that_does_not_name_its_subject_is_a_call_of_the_api(topic: str) -> None:
    event = told(an_entry(topic, context={}, space=None, environment=None))
    assert event["class_uid"] == 6003
    assert event["actor"] == {"app_name": "Flatfile"}
    assert event["api"]["operation"] == topic
    assert "resources" not in event


def test_a_call_of_the_api_lists_what_the_event_names() -> None:
    context = {"accountId": ACCOUNT, "actorId": "us_g_1", "workbookId": "us_wb_1", "sheetSlug": "a"}
    event = told(an_entry("workbook:updated", context=context))
    assert [(r["type"], r["uid"]) for r in event["resources"]] == [
        ("environment", "us_env_1"),
        ("space", SPACE),
        ("workbook", "us_wb_1"),
    ]


def test_a_job_that_failed_is_a_failure_and_other_events_are_none() -> None:
    assert told(an_entry("job:failed"))["status_id"] == 2
    assert told(an_entry("job:completed"))["status_id"] == 1
    assert "status_id" not in told(an_entry("audit:gap", Kind.GAP))
