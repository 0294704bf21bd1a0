"""The same promises, for inputs that are nearly right: what blind bytes seldom come to."""

import json
from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.settings import SETTINGS
from tests.fuzz.answers import FEEDS, LISTINGS, feeds, listings
from tests.fuzz.configuration import flags, settings_file, web_config
from tests.fuzz.evidence import edited, records
from tests.fuzz.requests import request

FEW = settings(max_examples=40)

TIMES = st.sampled_from(
    ["2027-01-15T07:00:00Z", "2027-01-15T07:00:00.5+14:00", "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59.999999Z", "2027-W03-5", "20270115T070000", "2027-01-15", "", "x"]
)  # fmt: skip
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({})
)
COUNTS = st.integers(-1, 5) | st.sampled_from([10**6, 10**30, None, "3"])


def things(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Objects that have these fields, some of them odd and some missing."""
    return st.fixed_dictionaries({}, optional={name: of | ODD for name, of in fields.items()})


THINGS = things(
    {
        "id": st.sampled_from([f"us_usr_{n}" for n in range(7)]),
        "name": st.text(max_size=5),
        "environmentId": st.just("us_env_1"),
        "eventId": st.just("us_evt_1"),
        "success": st.booleans(),
        "topic": st.sampled_from(["agent:deleted", "space:created", "a:b", ":"]),
        "createdAt": TIMES,
        "updatedAt": TIMES,
        "archivedAt": TIMES,
        "completedAt": TIMES,
        "context": things({"environmentId": st.just("us_env_1"), "actorId": st.just("us_usr_1")}),
        "payload": things({"name": st.text(max_size=5), "status": st.text(max_size=5)}),
    }
)
WHOLE = st.fixed_dictionaries(
    {"id": st.sampled_from([f"us_usr_{n}" for n in range(7)]), "createdAt": TIMES, "topic": ODD,
     "updatedAt": TIMES, "environmentId": st.just("us_env_1"), "eventId": st.just("e"),
     "success": st.booleans()}
)  # fmt: skip
PAGES = st.fixed_dictionaries(
    {"data": st.lists(WHOLE, max_size=4) | st.lists(THINGS, max_size=4)},
    optional={"pagination": things({"currentPage": COUNTS, "pageCount": COUNTS,
                                    "totalCount": COUNTS})},
)  # fmt: skip
HEADS = st.sampled_from(
    ["200", "200", "200", "204", "400", "401", "403", "404", "408", "418", "429\nretry-after: 1",
     "302\nlocation: //elsewhere.invalid", "500", "503\nretry-after: Fri, 15 Jan 2027 08:00:09 GMT",
     "200\ncontent-encoding: br", "200\ncontent-encoding: gzip", "0", "999"]
)  # fmt: skip
ANSWERS = st.tuples(HEADS, PAGES.map(json.dumps)).map("\n\n".join)


def conversation(question: bytes, answers: Sequence[str]) -> bytes:
    return question + b"\n" + "\n----\n".join(answers).encode()


@FEW
@given(st.sampled_from(sorted(LISTINGS)), st.lists(ANSWERS, min_size=1, max_size=6))
def test_a_listing_is_whole_or_fails_in_a_way_that_is_known(
    question: bytes, answers: list[str]
) -> None:
    listings(conversation(question, answers))


@FEW
@given(st.sampled_from(sorted(FEEDS)), st.lists(ANSWERS, min_size=1, max_size=6))
def test_a_feed_is_read_or_fails_in_a_way_that_is_known(
    question: bytes, answers: list[str]
) -> None:
    feeds(conversation(question, answers))


@FEW
@given(st.lists(WHOLE | THINGS, max_size=6))
def test_every_event_that_can_be_used_becomes_a_record_that_verifies(events: list[Any]) -> None:
    records(json.dumps(events).encode())


VALUES = st.sampled_from(
    ["true", "off", "5s", "1h30m", "0", "7", "1e3", "-1", ":1", "[::1]:2", "canary-of-a-value",
     "https://h/v1", "https://u:canary@h", "(", "^a$", "a b", "", "us", "json", "1MiB", "team=a",
     "staging 2026-11-22T12:00:00Z", "/nowhere/at/all", "native", "ä\u2028"]
)  # fmt: skip
NAMES = st.sampled_from([setting.name for setting in SETTINGS]) | st.text("a.-_", max_size=6)


@FEW
@given(st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=3) | ODD, max_size=6))
def test_a_file_of_settings_is_taken_or_its_mistakes_are_named(given: dict[str, Any]) -> None:
    settings_file(yaml.safe_dump(given, allow_unicode=True).encode())


@FEW
@given(st.lists(st.tuples(NAMES, st.sampled_from("=\n"), VALUES), max_size=6))
def test_a_command_line_is_taken_or_its_mistakes_are_named(
    given: list[tuple[str, str, str]],
) -> None:
    flags("\n".join("--" + "".join(flag) for flag in given).encode())


HASH = "$2y$04$" + "." * 53
WEB = things(
    {
        "tls_server_config": things({"cert_file": VALUES, "key": VALUES, "min_version": VALUES,
                                     "cipher_suites": st.lists(VALUES, max_size=2)}),
        "http_server_config": things({"http2": VALUES, "headers": things(
            {"X-Frame-Options": VALUES, "Content-Security-Policy": VALUES})}),
        "basic_auth_users": st.dictionaries(VALUES, VALUES | st.just(HASH), max_size=2),
        "rate_limit": things({"interval": VALUES, "burst": VALUES}),
    }
)  # fmt: skip


@FEW
@given(WEB)
def test_a_web_configuration_is_taken_or_its_mistakes_are_named(given: Any) -> None:
    web_config(yaml.safe_dump(given, allow_unicode=True).encode())


LINES = st.sampled_from(
    ["Host: x", "Host: x", "Accept: text/plain;q=0.5,*/*", "Accept-Encoding: gzip;q=0, *",
     "Content-Length: 3", "Content-Length: -1", "Transfer-Encoding: chunked", "Connection: close",
     "Expect: 100-continue", "Upgrade: h2c", "Origin: x", "X: \xff", " folded", ":", "Range: bytes=0-"]
)  # fmt: skip
REQUESTS = st.tuples(
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "get", "PRI"]),
    st.sampled_from(["/", "/metrics", "/metrics?collect[]=agents", "/metrics?collect[]=%ff",
                     "/-/reload", "/readyz", "/healthz?", "*", "http://x/", "//", "/?refresh=30"]),
    st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]),
    st.lists(LINES, max_size=4).map("\r\n".join),
    st.sampled_from(["", "abc", "3\r\nabc\r\n0\r\n\r\n"]),
)  # fmt: skip


@FEW
@given(st.lists(REQUESTS, min_size=1, max_size=3))
def test_a_request_is_answered_or_its_connection_is_closed(asked: list[tuple[str, ...]]) -> None:
    told = (
        f"{verb} {path} {http}\r\n{head}\r\n\r\n{body}" for verb, path, http, head, body in asked
    )
    request("".join(told).encode("latin-1"))


PLACES = st.sampled_from(
    ["record body", "record hash", "record uid", "record at", "record sequence", "record offset",
     "checkpoint payload", "checkpoint signature", "checkpoint number", "chain hash", "chain log",
     "chain sequence", "chain public", "chain payload", "chain signature", "chain pruned",
     "commitment plain", "commitment commitment"]
)  # fmt: skip
NEW = st.sampled_from(["", "=", "#", "#1", "#2.5", "#-1", "=x", "x", "#1e300", "={}", "=00"])
EDITS = st.tuples(PLACES, st.integers(1, 6).map(str), NEW).map(" ".join)


@FEW
@given(st.lists(EDITS, min_size=1, max_size=3))
def test_a_log_verifies_as_long_as_nobody_edits_it(edits: list[str]) -> None:
    edited("\n".join(edits).encode())
