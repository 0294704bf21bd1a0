"""Faults that are a matter of the answer's content or its time; no socket is needed for these."""

import asyncio
import json
import zlib
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, Fault
from exporter.emulator.faults import WrongFault


async def test_a_status_brings_every_retry_after_header(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("status", status=429, retry_after=("3", "10")))
    answer = await client.get("/users")
    assert answer.status_code == 429
    assert answer.headers.get_list("retry-after") == ["3", "10"]
    assert answer.json()["errors"]


async def test_a_fault_meets_only_its_route_method_and_environment(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.set(
        [
            Fault("status", route="/spaces*", environment_id="us_env_1"),
            Fault("status", method="POST", status=502),
        ]
    )
    assert (await client.get("/users")).status_code == 200
    assert (await client.get("/spaces")).status_code == 200
    assert (await client.get("/spaces?environmentId=us_env_1")).status_code == 503
    assert (await client.post("/auth", json={})).status_code == 502


async def test_a_counted_fault_is_used_up(client: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add(Fault("status", count=2))
    statuses = [(await client.get("/users")).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


async def test_an_improbable_fault_hits_now_and_then(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("status", probability=0.5))
    statuses = {(await client.get("/environments")).status_code for _ in range(30)}
    assert statuses == {200, 503}


async def test_latency_passes_in_the_time_of_the_loop(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("latency", delay=30))
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert (await client.get("/users")).json()["data"]
    assert loop.time() - before >= 30


async def test_bodies_that_are_no_json(client: httpx.AsyncClient, emulator: Emulator) -> None:
    for kind in ("html", "empty", "cut_json", "not_utf8", "garbled"):
        emulator.faults.set([Fault.from_json({"kind": kind})])
        answer = await client.get("/users")
        assert answer.status_code == 200
        with pytest.raises(ValueError, match=r"."):
            json.loads(answer.content)


async def test_a_compressed_body_may_end_in_the_middle(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("cut_gzip"))
    async with client.stream("GET", "/environments") as answer:
        assert answer.headers["content-encoding"] == "gzip"
        raw = b"".join([part async for part in answer.aiter_raw()])
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert unpacking.decompress(raw).startswith(b"{")
    assert not unpacking.eof


async def test_a_body_may_be_nested_deeper_than_anybody_reads(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("deep_json"))
    with pytest.raises(RecursionError):
        json.loads((await client.get("/users")).content)


async def test_types_may_be_wrong(client: httpx.AsyncClient, emulator: Emulator) -> None:
    async def ask(kind: str) -> Any:
        emulator.faults.set([Fault.from_json({"kind": kind})])
        return (await client.get("/environments")).json()["data"]

    assert await ask("wrong_data") == "data"
    wrong = (await ask("wrong_types"))[0]
    assert isinstance(wrong["id"], int)
    assert isinstance(wrong["isProd"], str)
    assert set((await ask("nulls"))[0].values()) == {None}
    assert (await ask("missing_fields"))[0] == {}


async def test_a_redirect_leads_to_another_host(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("redirect"))
    answer = await client.get("/users")
    assert answer.status_code == 307
    assert answer.next_request is not None
    assert answer.next_request.url.host == "elsewhere.example"


async def test_an_answer_may_drip(client: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.faults.add(Fault("drip", delay=2))
    loop = asyncio.get_running_loop()
    before = loop.time()
    answer = await client.get("/environments?pageSize=1")
    assert answer.json()["data"]
    assert loop.time() - before >= 2 * len(answer.content)


async def test_a_huge_body_has_the_size_it_says(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("huge", megabytes=3))
    answer = await client.get("/events")
    assert len(answer.content) == int(answer.headers["content-length"]) == 3 * 1024 * 1024
    assert answer.content.startswith(b'{"data":[{"id":"')


async def test_no_answer_comes_from_a_call_that_hangs(
    client: httpx.AsyncClient, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("hang"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(600):
            await client.get("/users")
    assert emulator.requests[-1].status == 0
    assert emulator.requests[-1].fault == "hang"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "sabotage"},
        {"kind": "status", "speed": 9},
        {"kind": "status", "status": "503"},
        {"kind": "status", "probability": "often"},
    ],
)
def test_a_wrong_fault_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongFault):
        Fault.from_json(wrong)


def test_a_fault_survives_a_journey_through_json() -> None:
    fault = Fault("status", status=429, retry_after=("1", "2"), count=3)
    assert Fault.from_json(json.loads(json.dumps(fault.as_json()))) == fault
    assert Fault.from_json({"kind": "status", "retry_after": "5"}).retry_after == ("5",)
