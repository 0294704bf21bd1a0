"""A receiver of OTLP on a real socket: what it gets, and what becomes of what it refuses."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.logs.v1 import logs_pb2

from exporter import __version__
from exporter.audit.record import Kind
from exporter.audit.sinks.credentials import Headers, listed, nothing
from exporter.audit.sinks.otlp import MOST, OtlpSink, logs_url
from exporter.audit.sinks.posting import Post
from exporter.errors import SinkRefused, SinkUnavailable
from tests.audit.sinks.otlpserver import Receiver, Told, attributes, otlp_receiver, partial
from tests.audit.sinks.stage import NOW, an_entry, entries, line
from tests.support.processes import spotless


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@pytest.fixture
def server() -> Iterator[Receiver]:
    with otlp_receiver() as running:
        yield running


@asynccontextmanager
async def to(
    server: Receiver, *, headers: Headers = nothing, path: str = "", **options: Any
) -> AsyncIterator[OtlpSink]:
    post = Post(
        "the OTLP receiver",
        "audit.sink.otlp",
        logs_url(server.url + path),
        headers=headers,
        timeout=5.0,
        wall=lambda: NOW,
    )
    sink = OtlpSink(post, line, **options)
    try:
        yield sink
    finally:
        await sink.aclose()


def expected(last: int) -> list[str]:
    return [e.uid for e in entries(1, last)]


@pytest.mark.parametrize(
    ("path", "asked"),
    [("", "/v1/logs"), ("/", "/v1/logs"), ("/otlp", "/otlp/v1/logs"), ("/v1/logs", "/v1/logs")],
)
async def test_the_path_is_added_where_it_is_missing(
    server: Receiver, path: str, asked: str
) -> None:
    async with to(server, path=path) as sink:
        await sink.send(entries(1, 1))
    assert server.paths == [asked]


async def test_a_record_is_a_log_record_with_its_ids_as_attributes(server: Receiver) -> None:
    entry = an_entry(7)
    async with to(server) as sink:
        assert await sink.send([entry]) == {}
    (record,) = server.records
    assert record.time_unix_nano == int(entry.at) * 10**9
    assert record.observed_time_unix_nano == int(NOW) * 10**9
    assert (record.severity_number, record.severity_text) == (
        logs_pb2.SEVERITY_NUMBER_INFO,
        "INFO",
    )
    assert record.event_name == "flatfile.space.deleted"
    assert json.loads(record.body.string_value)["uid"] == entry.uid
    assert attributes(record.attributes) == {
        "log.record.uid": entry.uid,
        "flatfile.event.id": entry.uid,
        "flatfile.sequence": 7,
        "flatfile.hash": entry.hash,
        "flatfile.kind": "event",
        "flatfile.topic": "space:deleted",
        "flatfile.late": False,
        "flatfile.environment.id": "us_env_1",
        "flatfile.environment.name": "production",
        "flatfile.space.id": "us_sp_7",
        "flatfile.space.name": "Import",
        "flatfile.actor.id": "us_usr_anna",
        "flatfile.actor.kind": "user",
    }


async def test_the_resource_says_which_service_it_is(server: Receiver) -> None:
    async with to(server, resource={"service.instance.id": "a", "service.name": "audit"}) as sink:
        await sink.send(entries(1, 1))
    (logs,) = server.requests[0].resource_logs
    assert attributes(logs.resource.attributes) == {
        "service.name": "audit",
        "service.version": __version__,
        "service.instance.id": "a",
    }


async def test_a_gap_is_more_severe_and_what_has_no_actor_lacks_those_attributes(
    server: Receiver,
) -> None:
    bare: dict[str, Any] = {"actor": None, "space": None, "environment": None}
    async with to(server) as sink:
        await sink.send([an_entry(1, kind=Kind.GAP, topic="audit:gap", at=-5.0, **bare)])
    (record,) = server.records
    assert record.severity_number == logs_pb2.SEVERITY_NUMBER_WARN
    assert record.time_unix_nano == 0
    assert not [key for key in attributes(record.attributes) if key.startswith("flatfile.actor")]


async def test_a_batch_goes_in_requests_of_bounded_size(server: Receiver) -> None:
    async with to(server) as sink:
        assert await sink.send(entries(1, 2 * MOST + 1)) == {}
        large = [an_entry(n, payload={"text": "x" * 400_000}) for n in range(1, 5)]
        await sink.send(large)
    sizes = [len(r.resource_logs[0].scope_logs[0].log_records) for r in server.requests]
    assert sizes == [MOST, MOST, 1, 2, 2]


async def test_a_partial_success_is_not_sent_again_and_all_of_it_may_be_missing(
    server: Receiver,
) -> None:
    async with to(server) as sink:
        server.answers = [Told(200), partial(3)]
        refused = await sink.send(entries(1, 2 * MOST))
        assert set(refused.values()) <= set(sink.reasons)
    assert refused == dict.fromkeys(range(MOST + 1, 2 * MOST + 1), "partial_success")
    assert len(server.paths) == 2


async def test_a_partial_success_is_not_sent_again_because_of_what_came_after_it(
    server: Receiver,
) -> None:
    async with to(server) as sink:
        server.answers = [partial(1), Told(503)]
        with pytest.raises(SinkUnavailable):
            await sink.send(entries(1, 2 * MOST))
        refused = await sink.send(entries(1, 2 * MOST))
    assert refused == dict.fromkeys(range(1, MOST + 1), "partial_success")
    assert server.uids == expected(2 * MOST)[MOST:]


@pytest.mark.parametrize("told", [partial(0, "be careful"), Told(200), Told(202), Told(204)])
async def test_a_success_with_or_without_a_warning_is_a_success(
    server: Receiver, told: Told
) -> None:
    async with to(server) as sink:
        server.always = told
        assert await sink.send(entries(1, 3)) == {}


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b"{}", {}),
        (b'{"partialSuccess":{}}', {}),
        (b'{"partialSuccess":{"rejectedLogRecords":"1"}}', {1: "partial_success"}),
        (b'{"partialSuccess":{"rejectedLogRecords":1}}', {1: "partial_success"}),
    ],
)
async def test_an_answer_in_json_is_understood(
    server: Receiver, body: bytes, refused: dict[int, str]
) -> None:
    async with to(server) as sink:
        server.always = Told(200, body, "application/json; charset=utf-8")
        assert await sink.send(entries(1, 1)) == refused


@pytest.mark.parametrize(
    "told",
    [
        Told(200, b"<html>welcome</html>", "text/html"),
        Told(200, b"<html>welcome</html>"),
        Told(200, b"[]", "application/json"),
        Told(200, b"{", "application/json"),
        Told(200, b'{"partialSuccess": {"rejectedLogRecords": [1]}}', "application/json"),
        Told(200, b'{"partialSuccess": {"rejectedLogRecords": 1e999}}', "application/json"),
    ],
)
async def test_a_success_of_something_else_acknowledges_nothing(
    server: Receiver, told: Told
) -> None:
    async with to(server) as sink:
        server.always = told
        with pytest.raises(SinkRefused, match=r"audit\.sink\.otlp\.url"):
            await sink.send(entries(1, 3))
        server.always = None
        await sink.send(entries(1, 3))
    assert server.uids == expected(3)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_the_specification_calls_retryable_is_tried_again_when_it_was_asked(
    server: Receiver, status: int
) -> None:
    async with to(server) as sink:
        server.answers = [Told(status, headers={"Retry-After": "12"}), Told(status)]
        with pytest.raises(SinkUnavailable) as asked:
            await sink.send(entries(1, 3))
        with pytest.raises(SinkUnavailable) as silent:
            await sink.send(entries(1, 3))
        await sink.send(entries(1, 3))
    assert (asked.value.retry_after, silent.value.retry_after) == (12.0, None)
    assert server.uids == expected(3)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "bad_request"),
        (408, "refused"),
        (422, "refused"),
        (500, "server_error"),
        (501, "server_error"),
    ],
)
async def test_what_the_specification_forbids_to_repeat_is_a_dead_letter(
    server: Receiver, status: int, reason: str
) -> None:
    async with to(server) as sink:
        server.always = Told(status)
        assert await sink.send(entries(1, 3)) == dict.fromkeys((1, 2, 3), reason)
        assert reason in sink.reasons
    assert len(server.paths) == 1


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 405, 410])
async def test_where_the_endpoint_or_the_credential_is_wrong_nothing_is_lost(
    server: Receiver, status: int
) -> None:
    async with to(server) as sink:
        server.answers = [Told(status, headers={"Location": server.url})]
        with pytest.raises(SinkRefused, match=str(status)):
            await sink.send(entries(1, 3))
        await sink.send(entries(1, 3))
    assert server.uids == expected(3)


async def test_a_request_that_is_too_large_goes_by_halves(server: Receiver) -> None:
    server.most = 3
    async with to(server) as sink:
        assert await sink.send(entries(1, 10)) == {}
    assert server.uids == expected(10)


async def test_one_record_that_is_too_large_is_a_dead_letter(server: Receiver) -> None:
    server.most = 0
    async with to(server) as sink:
        assert await sink.send(entries(1, 2)) == {1: "too_large", 2: "too_large"}
        assert "too_large" in sink.reasons


async def test_further_headers_are_those_of_the_moment(server: Receiver) -> None:
    texts = iter(["api-key=one%20CANARY, x-tenant = a", "api-key=two"])
    async with to(server, headers=listed(lambda: next(texts))) as sink:
        await sink.send(entries(1, 1))
        await sink.send(entries(2, 2))
    assert [h["api-key"] for h in server.headers] == ["one CANARY", "two"]
    assert server.headers[0]["x-tenant"] == "a"


@pytest.mark.parametrize("value", ["CANARY\nx: y", "größe-CANARY"])
async def test_a_header_that_cannot_be_sent_is_refused_without_being_said(
    server: Receiver, value: str
) -> None:
    async with to(server, headers=lambda: {"api-key": value}) as sink:
        with pytest.raises(SinkRefused, match="cannot be sent as a header") as caught:
            await sink.send(entries(1, 1))
    spotless(str(caught.value))
    assert server.paths == []
