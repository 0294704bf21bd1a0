"""Events and executions: pages without an end that is announced."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from exporter.emulator import Emulator, Fault, World
from exporter.errors import Malformed, TooLarge
from exporter.flatfile import pages
from exporter.flatfile.executions import order
from exporter.flatfile.models import Execution
from exporter.flatfile.session import Session
from tests.flatfile.conftest import Opening, Peer

HOUR = 3600.0


async def events(session: Session, since: float, environment: str | None = None) -> set[str]:
    found = set()
    async for page in session.flatfile.events(since, environment_id=environment):
        assert page
        found |= {event.id for event in page}
    return found


@pytest.mark.parametrize("order_", ["newest", "oldest", "id"])
@pytest.mark.parametrize("limit", [(None, "clamp"), (30, "clamp"), (30, "refuse")])
@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("repeated", [0.0, 0.2])
async def test_every_event_comes_whatever_the_order_and_the_pages(
    session: Session,
    emulator: Emulator,
    world: World,
    order_: Any,
    limit: tuple[int | None, Any],
    zero_based: bool,
    repeated: float,
) -> None:
    quirks = emulator.quirks
    quirks.event_order, quirks.repeated_events = order_, repeated
    quirks.page_size_max, quirks.page_size_over = limit
    quirks.page_zero_based = zero_based
    since = world.now() - HOUR
    for _ in range(2):
        found = await events(session, since)
        assert {event.id for event in world.events(since)} <= found


@pytest.mark.parametrize("delays", [(0.0, 0.0, 0.0), (0.1, 0.2, 0.3), (0.1, 0.15, 0.4)])
@pytest.mark.parametrize("zero_based", [True, False])
async def test_who_reads_while_others_find_out_what_pages_are_counted_from_reads_to_the_end(
    session: Session,
    emulator: Emulator,
    world: World,
    zero_based: bool,
    delays: tuple[float, ...],
) -> None:
    emulator.quirks.page_zero_based, emulator.quirks.page_size_max = zero_based, 20
    homes = [one.id for one in await session.flatfile.environments()]
    for home, delay in zip(homes, delays, strict=True):
        world.add_events(90, environment_id=home)
        emulator.faults.add(Fault("latency", "/events", environment_id=home, delay=delay))
    since = world.now() - HOUR
    found = await asyncio.gather(*(events(session, since, home) for home in homes))
    for home, shown in zip(homes, found, strict=True):
        assert {one.id for one in world.events(since) if one.environment_id == home} <= shown


async def test_what_pages_are_counted_from_is_not_unlearned_by_a_walk_of_one_page(
    session: Session, emulator: Emulator, world: World
) -> None:
    emulator.quirks.page_zero_based, emulator.quirks.page_size_max = True, 7
    since = world.now() - HOUR
    newest = {event.id for event in world.events()[-5:]}
    for _ in range(3):
        assert {event.id for event in world.events(since)} <= await events(session, since)
        few = await events(session, world.events()[-5].created_at)
        assert newest <= few
        assert len(few) <= 7  # nothing is on its second page


async def test_events_are_asked_with_a_bound_in_milliseconds_and_the_acknowledged_ones(
    session: Session, emulator: Emulator, world: World
) -> None:
    environment = next(iter(world.account.environments)).id
    found = await events(session, 1_799_999_000.12345, environment)
    assert found
    query = next(request.query for request in emulator.requests if request.path == "/events")
    assert query == {
        "since": "2027-01-15T07:43:20.123Z",
        "includeAcknowledged": "true",
        "environmentId": environment,
        "pageSize": "100",
    }


async def test_a_quiet_feed_costs_one_question(
    session: Session, emulator: Emulator, wall: Callable[[], float]
) -> None:
    assert await events(session, wall() + 60.0) == set()
    assert [request.path for request in emulator.requests] == ["/auth", "/events"]


async def test_a_feed_that_repeats_its_page_for_ever_ends(opened: Opening) -> None:
    event = '{"id":"e","topic":"agent:created","createdAt":"2027-01-15T08:00:00.000Z"}'
    peer = Peer(lambda *_: f'{{"data":[{event}]}}')
    assert await events(opened(transport=peer.transport), 0.0) == {"e"}
    assert len(peer.asked) == 3


async def test_a_page_in_the_middle_that_is_too_large_makes_the_feed_begin_again_smaller(
    session: Session, emulator: Emulator, world: World, wall: Callable[[], float]
) -> None:
    since = wall() - HOUR
    feed = session.flatfile.events(since)
    found = {event.id for event in await anext(feed)}
    emulator.faults.add(Fault("huge", route="/events", count=1, megabytes=33))
    async for page in feed:
        found |= {event.id for event in page}
    assert found == {event.id for event in world.events(since)}
    assert emulator.requests[-1].query["pageSize"] == "50"


async def test_a_feed_without_smaller_pages_to_try_is_a_failure(
    session: Session, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("huge", route="/events", megabytes=33))
    with pytest.raises(TooLarge):
        await events(session, 0.0)


@pytest.mark.parametrize("page_object", [True, False])
@pytest.mark.parametrize("largest", [None, 30])
@pytest.mark.parametrize("by_asked_size", [True, False])
async def test_recent_executions_come_from_the_newest_end(
    session: Session,
    emulator: Emulator,
    world: World,
    wall: Callable[[], float],
    page_object: bool,
    largest: int | None,
    by_asked_size: bool,
) -> None:
    emulator.quirks.pagination_object = page_object
    emulator.quirks.page_size_max = largest
    emulator.quirks.page_count_by_asked_size = by_asked_size
    environment = next(iter(world.account.environments)).id
    since = wall() - 300.0
    found = set()
    async for page in session.flatfile.executions(environment, since):
        found |= {(one.event_id, one.created_at) for one in page}
    truth = {
        (one.event_id, one.at)
        for one in world.account.history.executions(environment)
        if one.completed_at <= wall() and one.at >= since
    }
    assert truth
    assert truth <= found
    asked = sum(request.path == "/agents/executions" for request in emulator.requests)
    assert asked <= 8  # not the hours before


def _executions(query: dict[str, str], *, oldest_first: bool) -> str:
    """95 executions, a second apart, in pages of 10."""
    moments = [f"2027-01-15T08:{n // 60:02}:{n % 60:02}.000Z" for n in range(95)]
    if not oldest_first:
        moments.reverse()
    number = int(query.get("pageNumber", "1"))
    shown = moments[(number - 1) * 10 : number * 10]
    data = [{"eventId": at, "success": True, "createdAt": at, "topic": "t"} for at in shown]
    page = {"currentPage": number, "pageCount": 10, "totalCount": 95}
    return json.dumps({"data": data, "pagination": page})


@pytest.mark.parametrize("oldest_first", [True, False])
@pytest.mark.parametrize("page_size", [10, 100])  # the peer clamps the latter
async def test_either_order_of_executions_gives_the_newest(
    opened: Opening, oldest_first: bool, page_size: int
) -> None:
    peer = Peer(lambda _, query: _executions(query, oldest_first=oldest_first))
    session = opened(transport=peer.transport, page_size=page_size)
    since = 1_800_000_000.0 + 80.0
    found = set()
    async for page in session.flatfile.executions("e", since):
        found |= {one.created_at for one in page}
    assert {since + n for n in range(15)} <= found
    assert len(peer.asked) <= 5


def test_the_order_of_a_page_is_told_only_when_it_shows() -> None:
    def at(*moments: float) -> tuple[Execution, ...]:
        return tuple(
            Execution(eventId=str(m), success=True, createdAt=f"2027-01-15T08:00:{m:02.0f}Z")  # type: ignore[call-arg] # by the names of the API
            for m in moments
        )

    assert order(at(3, 2, 2, 1)) == "newest_first"
    assert order(at(9, 8, 7, 5, 6, 4, 3, 2)) == "newest_first"  # by its end, not by its begin
    assert order(at(1, 2, 2, 3)) == "oldest_first"
    assert {order(at()), order(at(1)), order(at(1, 1)), order(at(1, 3, 3, 1))} == {"none"}


async def test_a_feed_without_an_end_is_given_up(
    opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST", 50)  # a constant; 100,000 pages would take a minute
    numbers = iter(range(1000))

    def answer(*_: Any) -> str:
        event = {"id": f"e{next(numbers)}", "topic": "t", "createdAt": "2027-01-15T08:00:00Z"}
        return json.dumps({"data": [event]})

    with pytest.raises(Malformed, match="more pages"):
        await events(opened(transport=Peer(answer).transport), 0.0)
