"""What of an event is kept: never more than was allowed, whatever comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit import excerpt, select
from exporter.audit.canonical import canonical
from exporter.flatfile.topics import TOPICS

MARK = "CANARY-SECRET-3f9"
EVERY = frozenset({select.EVERYTHING})

DENIED = (
    *("accessToken", "guestLink", "source", "sourceMap", "rawKey", "secret", "password"),
    *("api_key", "Authorization", "refresh-token", "email", "customerEmail", "emailAddress"),
    *("callbackUrl", "dataUrl", "firstName", "createdByUserName", "clientSecret"),
)
NOT_LISTED = ("value", "previousValue", "newValue", "values", "input", "info", "guest", "filters")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
keys = st.sampled_from((*DENIED, *NOT_LISTED, "changes", "field", "records", "")) | st.text(
    max_size=8
)
values = st.recursive(
    scalars | st.just(MARK),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
topics = st.sampled_from(sorted(TOPICS)) | st.text(max_size=20)


def _keys(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value) | {key for item in value.values() for key in _keys(item)}
        case list():
            return {key for item in value for key in _keys(item)}
        case _:
            return set()


@given(topics, st.dictionaries(keys, values, max_size=6) | values)
def test_only_listed_fields_of_a_payload_are_kept_and_nothing_that_is_nested(
    topic: str, payload: Any
) -> None:
    kept = select.payload(topic, payload)
    assert MARK not in json.dumps(kept)
    for key, value in kept.items():
        assert key not in {*DENIED, *NOT_LISTED}
        if key == "changes":
            assert all(set(change) == {"field"} for change in value)
        else:
            assert isinstance(value, str | int)
    canonical(kept)


@given(topics, st.dictionaries(st.sampled_from((*DENIED, *NOT_LISTED)), st.just(MARK)))
def test_a_value_under_no_listed_field_is_never_kept(topic: str, payload: Any) -> None:
    assert select.payload(topic, payload) == {}
    assert select.context(payload) == {}
    assert select.origin(payload) is None


@given(topics, st.dictionaries(keys, values, max_size=6))
def test_asked_for_or_not_a_denied_field_is_kept_at_no_depth(topic: str, payload: Any) -> None:
    kept = select.payload(topic, payload, EVERY)
    assert not {key for key in _keys(kept) if excerpt.denied(key)}
    canonical(kept)


@pytest.mark.parametrize("key", DENIED)
def test_secrets_and_addresses_are_denied_however_they_are_spelled(key: str) -> None:
    assert excerpt.denied(key)
    assert excerpt.denied(key.upper())
    nested = {"outer": [{"inner": {key: MARK, "kept": 1}}]}
    assert select.payload("job:ready", nested, EVERY) == {"outer": [{"inner": {"kept": 1}}]}


def test_what_was_asked_for_is_kept_with_its_values_but_for_addresses_and_secrets() -> None:
    changes = [{"field": "city", "previousValue": "Ulm", "newValue": "ada@x.example"}]
    payload = {"sheetId": "us_sh_1", "changes": changes, "other": "pat_0123456789abcdef"}
    kept = select.payload("records:updated", payload, frozenset({"changes"}))
    assert kept["sheetId"] == "us_sh_1"
    assert kept["changes"] == [{"field": "city", "previousValue": "Ulm", "newValue": "[redacted]"}]
    assert "other" not in kept
    every = select.payload("records:updated", payload, EVERY)
    assert every["other"] == "[redacted]"


def test_to_ask_for_everything_does_not_make_an_id_of_what_is_none() -> None:
    payload = {"environmentId": ["a", {"b": 1}], "name": {"first": MARK}, "spaceId": "us_sp_1"}
    assert select.payload("space:created", payload, EVERY) == {"spaceId": "us_sp_1"}


def test_values_of_records_are_not_kept_unless_asked_for() -> None:
    payload = {
        "sheetId": "us_sh_1",
        "recordIds": ["us_rc_1"],
        "recordCount": 1,
        "changes": [{"field": "name", "previousValue": MARK, "newValue": MARK}],
        "records": [{"id": "us_rc_1", "values": {"name": {"value": MARK}}}],
    }
    kept = select.payload("records:updated", payload)
    assert kept == {"sheetId": "us_sh_1", "recordCount": 1}


def test_of_a_changed_space_it_is_kept_which_fields_changed_and_not_from_what_to_what() -> None:
    changes = [{"field": "name", "previousValue": MARK, "newValue": MARK}, {"field": 7}, "x"]
    assert select.payload("space:updated", {"changes": changes}) == {"changes": [{"field": "name"}]}


@pytest.mark.parametrize("topic", ["user:added", "guest:invited", "canvas:created", "file:created"])
def test_a_name_is_kept_only_where_it_is_that_of_a_thing(topic: str) -> None:
    payload = {"name": "Ada Lovelace", "userId": "us_usr_1"}
    assert select.payload(topic, payload) == {"userId": "us_usr_1"}
    for of_things in ("space:created", "space:added", "workbook:thawed"):
        assert select.payload(of_things, {"name": "Orders"}) == {"name": "Orders"}


def test_the_name_of_a_person_is_not_kept_even_with_everything() -> None:
    guest = {"id": "us_g_1", "name": "Ada Lovelace", "email": "ada@x.example", "role": "viewer"}
    kept = select.payload("space:guestAdded", {"guest": guest}, EVERY)
    assert kept == {"guest": {"id": "us_g_1", "role": "viewer"}}


@pytest.mark.parametrize("further", [EVERY, frozenset({"name"}), frozenset({"name", "email"})])
@pytest.mark.parametrize("address", ["email", "contactEmail", "E-Mail"])
def test_a_name_beside_an_address_is_that_of_a_person_whatever_was_asked_for(
    further: frozenset[str], address: str
) -> None:
    payload = {"userId": "us_usr_1", "name": "Ada Lovelace", address: "ada@x.example"}
    assert select.payload("user:added", payload, further) == {"userId": "us_usr_1"}


@pytest.mark.parametrize("topic", ["space:guestAdded", "space:guestRemoved", "space:userInvited"])
def test_a_name_is_kept_only_where_the_topic_is_known_to_tell_of_the_space_itself(
    topic: str,
) -> None:
    payload = {"spaceId": "us_sp_1", "guestId": "us_g_1", "name": "Ada Lovelace"}
    assert select.payload(topic, payload) == {"spaceId": "us_sp_1", "guestId": "us_g_1"}


def test_an_address_in_the_name_of_a_thing_is_not_kept() -> None:
    kept = select.payload("space:created", {"name": "Import for ada@x.example, 2026"})
    assert kept == {"name": "Import for [redacted], 2026"}


@pytest.mark.parametrize("further", [frozenset(), EVERY, frozenset({"value"})])
def test_of_a_secret_only_ids_are_kept_whatever_was_asked_for(further: frozenset[str]) -> None:
    payload = {"secretId": "us_sec_1", "name": "STRIPE", "value": MARK, "spaceId": "us_sp_1"}
    kept = select.payload("secret:created", payload, further)
    assert kept == {"secretId": "us_sec_1", "spaceId": "us_sp_1"}


def test_ids_may_be_any_text_and_are_kept_as_they_are() -> None:
    odd = "x" * 150 + "\n\t'\"; DROP TABLE record; --ü"
    assert select.context({"spaceId": odd}) == {"spaceId": odd}
    assert select.context({"spaceId": "y" * 300}) == {"spaceId": "y" * 200}
    assert select.context({"spaceId": "\ud800z\0ü"}) == {"spaceId": "\ufffdz\ufffdü"}
    assert select.context({"spaceId": "z\0"}) == {"spaceId": "z\ufffd"}
    assert select.payload("x", {"spaceId": "z\0"}) == {"spaceId": "z\ufffd"}
    assert select.context({"spaceId": 5, "actorId": None, "jobId": ["a"], "fileId": ""}) == {}


def test_an_address_in_the_place_of_an_id_is_not_kept() -> None:
    assert select.context({"actorId": "ada@x.example"}) == {"actorId": "[redacted]"}
    assert select.payload("environment:deleted", {"deletedBy": "ada@x.example"}) == {}
    deleted_by = {"deletedBy": "us_usr_1"}
    assert select.payload("environment:deleted", deleted_by) == deleted_by


def test_the_filters_and_slugs_of_a_context_are_left_out() -> None:
    context = {"filters": {"q": MARK}, "slugs": {"space": MARK}, "namespaces": [MARK]}
    assert select.context({**context, "sheetSlug": "contacts"}) == {"sheetSlug": "contacts"}


def test_a_canvas_of_megabytes_is_cut() -> None:
    deep: Any = "end"
    for _ in range(150):
        deep = {"in": deep}
    payload = {"rows": [{"cell": n} for n in range(20_000)], "deep": deep, "long": "x" * 10**6}
    kept = select.payload("canvas:updated", payload, EVERY)
    assert len(canonical(kept)) < 200_000
    assert excerpt.CUT in json.dumps(kept, ensure_ascii=False)


def test_numbers_that_json_cannot_say_exactly_do_no_harm() -> None:
    payload = {"recordCount": 2**70, "a": 2**70, "b": float("inf"), "c": 10**5000}
    assert select.payload("records:created", payload) == {}
    canonical(select.payload("records:created", payload, EVERY))
