"""A receiver that behaves as Loki documents, on a real socket."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from exporter.audit.sinks.credentials import Headers, basic, nothing
from exporter.audit.sinks.loki import LokiSink, push_url
from exporter.audit.sinks.posting import Post
from exporter.errors import SinkRefused, SinkUnavailable
from tests.audit.sinks.lokiserver import Loki, loki
from tests.audit.sinks.stage import NOW, an_entry, entries, line
from tests.support.processes import spotless
from tests.support.turning import turning

HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@pytest.fixture
def server() -> Iterator[Loki]:
    with loki(NOW) as running:
        yield running


@asynccontextmanager
async def to(
    server: Loki, *, headers: Headers = nothing, url: str | None = None, **options: Any
) -> AsyncIterator[LokiSink]:
    post = Post(
        "Loki",
        "audit.sink.loki",
        push_url(server.url if url is None else url),
        headers=headers,
        timeout=5.0,
        wall=lambda: server.now,
    )
    sink = LokiSink(post, line, wall=lambda: server.now, **options)
    try:
        yield sink
    finally:
        await sink.aclose()


def uids(server: Loki) -> list[str]:
    return [kept.uid for kept in server.kept]


def expected(*sequences: int) -> list[str]:
    return [f"us_evt_{n:08d}" for n in sequences]


@pytest.mark.parametrize("base", ["http://h", "http://h/", "http://h/loki/api/v1/push"])
def test_the_path_is_added_where_it_is_missing(base: str) -> None:
    assert push_url(base) == "http://h/loki/api/v1/push"


async def test_records_arrive_once_in_one_stream_with_their_ids_beside_them(server: Loki) -> None:
    async with to(server) as sink:
        assert await sink.send(entries(1, 5)) == {}
        assert await sink.send(entries(6, 8)) == {}
    assert uids(server) == expected(*range(1, 9))
    assert server.streams == {frozenset({("job", "flatfile-audit")})}
    assert server.kept[0].metadata["uid"] == "us_evt_00000001"
    assert server.kept[0].at == int(NOW + 1) * 10**9


async def test_what_comes_an_hour_behind_goes_to_a_stream_of_its_own_and_is_taken(
    server: Loki,
) -> None:
    late = [an_entry(n, at=NOW - n * HOUR) for n in range(10, 150, 10)]
    async with to(server) as sink:
        await sink.send(entries(1, 3))
        assert await sink.send([*late, an_entry(200, at=NOW)]) == {}
    assert len(server.kept) == 3 + len(late) + 1
    assert sum(kept.labels.get("late") == "true" for kept in server.kept) == len(late)


async def test_a_week_of_one_environment_after_another_is_taken_whole(server: Loki) -> None:
    sequence = iter(range(1, 10_000))
    async with to(server) as sink:
        await sink.send([an_entry(next(sequence), at=NOW)])
        for _ in range(3):
            week = [an_entry(next(sequence), at=NOW - 6.9 * DAY + n * HOUR) for n in range(160)]
            assert await sink.send(week) == {}
    assert len(server.kept) == 481
    assert len(server.streams) <= 170


async def test_records_in_any_order_are_all_taken(server: Loki) -> None:
    dice = Random(1)
    whole = [an_entry(n, at=NOW - dice.uniform(0, 6.9 * DAY)) for n in range(1, 301)]
    async with to(server) as sink:
        for first in range(0, 300, 25):
            assert await sink.send(whole[first : first + 25]) == {}
    assert sorted(uids(server)) == expected(*range(1, 301))


async def test_what_a_process_before_us_has_sent_makes_nothing_too_far_behind(
    server: Loki,
) -> None:
    async with to(server) as sink:
        await sink.send([an_entry(1, at=NOW + 590)])  # the stream is ahead of any clock
    async with to(server) as sink:
        assert await sink.send([an_entry(n, at=NOW - 3_550 + n) for n in range(2, 12)]) == {}
    assert uids(server) == expected(*range(1, 12))
    assert {kept.labels.get("late") for kept in server.kept[1:]} == {"true"}


async def test_what_is_older_than_loki_takes_is_a_dead_letter_without_being_sent(
    server: Loki,
) -> None:
    async with to(server) as sink:
        whole = [an_entry(1, at=NOW - 8 * DAY), an_entry(2), an_entry(3, at=NOW - 400 * DAY)]
        assert await sink.send(whole) == {1: "too_far_behind", 3: "too_far_behind"}
        assert "too_far_behind" in sink.reasons
    assert uids(server) == expected(2)
    assert len(server.pushes) == 1


async def test_a_shorter_limit_on_age_than_we_know_wedges_nothing(server: Loki) -> None:
    async with to(server) as sink:
        server.now += 3 * DAY  # its clock is ahead: what is five days old is eight there
        await sink.send([an_entry(1, at=NOW + 3 * DAY)])
        mixed = [an_entry(n, at=NOW - (5 if n % 4 else 2) * DAY) for n in range(2, 22)]
        async with to(server) as other:
            other._wall = lambda: NOW
            refused = await other.send(mixed)
    assert refused == {n: "too_far_behind" for n in range(2, 22) if n % 4}
    assert sorted(set(uids(server))) == expected(1, 4, 8, 12, 16, 20)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"at": NOW + 700}, "too_far_ahead"),
        ({"payload": {"text": "x" * 300_000}}, "too_large"),
    ],
)
async def test_one_that_is_refused_for_good_takes_no_other_with_it(
    server: Loki, bad: dict[str, Any], reason: str
) -> None:
    async with to(server) as sink:
        sink._line = lambda entry: entry.body
        whole = [*entries(1, 6), an_entry(7, **bad), *entries(8, 12)]
        assert await sink.send(whole) == {7: reason}
        assert reason in sink.reasons
    assert set(uids(server)) == set(expected(*range(1, 13))) - set(expected(7))


async def test_a_push_that_is_too_large_as_a_whole_goes_by_halves(server: Loki) -> None:
    async with to(server) as sink:
        server.answers = [(413, {}, "request body too large: 9 bytes, limit: 8 bytes")]
        assert await sink.send(entries(1, 8)) == {}
    assert sorted(uids(server)) == expected(*range(1, 9))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_will_pass_is_unavailable_and_nothing_is_lost_or_repeated(
    server: Loki, status: int
) -> None:
    async with to(server) as sink:
        server.answers = [(status, {}, "Ingestion rate limit exceeded for user fake")]
        with pytest.raises(SinkUnavailable, match=str(status)) as caught:
            await sink.send(entries(1, 3))
        assert caught.value.retry_after is None
        await sink.send(entries(1, 3))
    assert uids(server) == expected(1, 2, 3)


async def test_a_pause_that_is_asked_for_is_handed_on(server: Loki) -> None:
    async with to(server) as sink:
        server.answers = [(429, {"Retry-After": "17"}, "")]
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(entries(1, 3))
        assert caught.value.retry_after == 17.0


async def test_what_was_taken_before_the_trouble_is_not_sent_again(server: Loki) -> None:
    spread = [an_entry(n, at=NOW - 6 * HOUR + n * 2 * HOUR) for n in range(1, 4)]
    async with to(server) as sink:
        server.answers = []
        sink._newest = NOW - 7 * HOUR
        whole = [an_entry(9, at=NOW - 7 * HOUR), *spread]
        pushes = len(server.pushes)
        server.answers = [(204, {}, ""), (503, {}, "")]
        with pytest.raises(SinkUnavailable):
            await sink.send(whole)
        assert len(server.pushes) == pushes + 2
        await sink.send(whole)
    assert sorted(uids(server)) == expected(1, 2, 3)  # the first push was answered without it


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (401, "no org id", "audit.sink.loki"),
        (403, "", "audit.sink.loki"),
        (404, "", "url"),
        (302, "", "redirects"),
        (260, "ingestion blocked for user fake until '2027' with status code '260'", "blocked"),
        (400, "missing required labels team for user fake for stream {}", "labels"),
        (400, "<html>Bad Request</html>", "none of its own"),
    ],
)
async def test_what_an_operator_has_to_mend_makes_no_dead_letters(
    server: Loki, status: int, text: str, said: str
) -> None:
    async with to(server) as sink:
        server.always = (status, text)
        with pytest.raises(SinkRefused, match=said):
            await sink.send(entries(1, 10))
        server.always = None
        assert await sink.send(entries(1, 10)) == {}
    assert uids(server) == expected(*range(1, 11))


async def test_structured_metadata_that_is_not_allowed_is_said_and_can_be_left_out(
    server: Loki,
) -> None:
    server.structured_metadata = False
    async with to(server) as sink:
        with pytest.raises(SinkRefused, match=r"audit\.sink\.loki\.metadata"):
            await sink.send(entries(1, 3))
    async with to(server, structured_metadata=False) as sink:
        assert await sink.send(entries(1, 3)) == {}


async def test_tenant_credential_and_labels_are_sent(server: Loki) -> None:
    labels = {"job": "audit", "team": "data"}
    password = iter(["first-CANARY", "second-CANARY"])
    headers = basic("loki", lambda: next(password))
    async with to(server, headers=headers, tenant="t1", labels=labels) as sink:
        await sink.send(entries(1, 1))
        await sink.send(entries(2, 2))
    assert [push["x-scope-orgid"] for push in server.pushes] == ["t1", "t1"]
    assert server.pushes[0]["authorization"] != server.pushes[1]["authorization"]
    assert server.streams == {frozenset(labels.items())}


async def test_a_server_that_is_gone_is_unavailable_and_no_secret_is_said(server: Loki) -> None:
    headers = basic("loki", lambda: "CANARY")
    async with to(server, headers=headers, url="http://127.0.0.1:1") as sink:
        with pytest.raises(SinkUnavailable, match="connection refused") as caught:
            await sink.send(entries(1, 1))
    spotless(str(caught.value), repr(caught.value.__cause__))


async def test_a_push_is_never_larger_than_the_burst_that_loki_allows(server: Loki) -> None:
    async with to(server) as sink:
        sink._line = lambda entry: entry.body
        whole = [an_entry(n, payload={"text": "x" * 100_000}) for n in range(1, 31)]
        assert await sink.send(whole) == {}
    assert server.largest <= 10
    assert len(server.kept) == 30


async def test_the_loop_turns_while_a_large_batch_is_packed(server: Loki) -> None:
    async with to(server) as sink, turning() as turns:
        await sink.send(entries(1, 1_000, at=NOW))
    assert turns() > 20
