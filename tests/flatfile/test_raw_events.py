"""Events with all that was said of them, whatever that is."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.emulator import Emulator, Fault, World
from exporter.errors import Malformed, TooLarge
from exporter.flatfile.raw import RawEvent, read
from exporter.flatfile.session import Session
from tests.flatfile.conftest import Opening, Peer

HOUR = 3600.0
AT = "2027-01-15T08:00:00.000Z"


async def _all(session: Session, since: float = 0.0, **asked: Any) -> list[RawEvent]:
    return [e async for page in session.flatfile.raw_events(since, **asked) for e in page]


def _event(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "topic": "t", "createdAt": AT, **more}


def _peer(*pages: Any) -> Peer:
    """Answers with these pages of items, and then with empty ones."""

    def answer(_: str, query: dict[str, str]) -> str:
        number = int(query.get("pageNumber", "1"))
        items = pages[number - 1] if number <= len(pages) else []
        return items if isinstance(items, str) else json.dumps({"data": items})

    return Peer(answer)


async def test_they_come_whole_and_are_the_same_events(
    session: Session, emulator: Emulator, world: World
) -> None:
    since = world.now() - HOUR
    found = await _all(session, since)
    assert {event.id for event in found} == {event.id for event in world.events(since)}
    for event in found:
        assert event.raw["id"] == event.id
        assert event.raw["context"]["environmentId"] == event.environment_id
        assert "payload" in event.raw
    query = next(r.query for r in emulator.requests if r.path == "/events")
    assert query["includeAcknowledged"] == "true"


async def test_topic_environment_and_page_size_are_asked_for(
    session: Session, emulator: Emulator, world: World
) -> None:
    home = next(iter(world.account.environments)).id
    found = await _all(session, environment_id=home, topic="job:failed", page_size=10)
    assert {(e.environment_id, e.topic) for e in found} == {(home, "job:failed")}
    query = emulator.requests[-1].query
    assert (query["topic"], query["environmentId"], query["pageSize"]) == ("job:failed", home, "10")


async def test_nothing_of_what_was_said_is_in_its_representation() -> None:
    event = read(_event(1, payload={"newValue": "CANARY"}))
    assert "CANARY" not in repr(event)


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"id": "", "topic": "t", "createdAt": AT},
        {"id": "x" * 201, "topic": "t", "createdAt": AT},
        {"id": 7, "topic": "t", "createdAt": AT},
        {"id": "e", "topic": None, "createdAt": AT},
        {"id": "e", "topic": "t", "createdAt": "yesterday"},
        {"id": "e", "topic": "t", "createdAt": "0001-01-01T00:00:00+14:00"},
        {"id": "e", "topic": "t", "createdAt": "9999-12-31T23:59:59-14:00"},
        {"id": "e", "topic": "t", "createdAt": "9999-12-31T23:59:59.999999Z"},  # a double: 10000
        {"id": "e", "topic": "t", "createdAt": 1_800_000_000},
        {"id": "e", "topic": "t"},
    ],
    ids=str,
)
async def test_an_event_that_cannot_be_used_does_not_cost_its_page(
    opened: Opening, item: Any
) -> None:
    session = opened(transport=_peer([_event(1), item, _event(2)]).transport)
    with capture_logs() as logs:
        assert [event.id for event in await _all(session)] == ["e1", "e2"]
        await _all(session)
    assert [entry["event"] for entry in logs] == ["events_left_out"]


@pytest.mark.parametrize("items", [[{}, {}], [None], [7, _event(1)], [[[[]]]], "{}"], ids=str)
async def test_a_page_that_is_none_of_events_is_malformed(opened: Opening, items: Any) -> None:
    session = opened(transport=_peer([_event(0)], items).transport)
    with pytest.raises(Malformed, match="GET /events"):
        await _all(session)


@pytest.mark.parametrize(
    "payload",
    ['"\\ud800"', "[" * 300 + "]" * 300, "9" * 5000, '{"\\udfff":1}'],
    ids=["half a character", "deep", "a long number", "half a key"],
)
async def test_a_payload_that_the_decoder_refuses_does_not_hide_a_page(
    opened: Opening, payload: str
) -> None:
    strange = json.dumps(_event(2, payload="HERE")).replace('"HERE"', payload)
    page = f'{{"data":[{json.dumps(_event(1))},{strange},{json.dumps(_event(3))}]}}'
    session = opened(transport=_peer(page).transport)
    assert [event.id for event in await _all(session)] == ["e1", "e2", "e3"]
    plain = [e.id async for p in session.flatfile.events(0.0) for e in p]
    assert plain == ["e1", "e2", "e3"]


async def test_with_a_page_size_a_page_that_is_too_large_is_a_failure_at_once(
    session: Session, emulator: Emulator, world: World
) -> None:
    feed = session.flatfile.raw_events(world.now() - HOUR, page_size=50)
    assert len(await anext(feed)) == 50
    emulator.faults.add(Fault("huge", route="/events", count=1, megabytes=33))
    with pytest.raises(TooLarge):
        await anext(feed)
    emulator.faults.add(Fault("huge", route="/events", count=1, megabytes=33))
    with pytest.raises(TooLarge):
        await _all(session, page_size=50)
    assert await _all(session, world.now() - 60.0)
    assert emulator.requests[-1].query["pageSize"] == "100"  # nothing was learned for the others


async def test_a_size_that_the_server_refuses_is_never_exceeded_again(
    session: Session, emulator: Emulator, world: World
) -> None:
    emulator.quirks.page_size_max, emulator.quirks.page_size_over = 20, "refuse"
    since = world.now() - HOUR
    found = {event.id for event in await _all(session, since, page_size=100)}
    assert found == {event.id for event in world.events(since)}
    await _all(session, since, page_size=50)
    sizes = [int(r.query["pageSize"]) for r in emulator.requests if r.path == "/events"]
    assert sizes[:3] == [100, 50, 20]
    assert set(sizes[2:]) == {20}
