"""The account, asked over HTTP: the implementation of the Protocol ``Flatfile``."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from pydantic import TypeAdapter
from structlog.typing import FilteringBoundLogger

from exporter.errors import Malformed, NotFound
from exporter.flatfile import listing
from exporter.flatfile.client import Client
from exporter.flatfile.executions import recent
from exporter.flatfile.listing import Perhaps
from exporter.flatfile.models import (
    Account,
    Agent,
    Environment,
    Event,
    Execution,
    Guest,
    Space,
    User,
)
from exporter.flatfile.paging import Pager
from exporter.flatfile.protocol import FirstPage
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.routes import Lookup, Place, Route
from exporter.flatfile.wire import Params

T = TypeVar("T")

_log: FilteringBoundLogger = structlog.get_logger()


class HttpFlatfile:
    """Knows which parameters go with which question; see the Protocol for what they mean."""

    def __init__(self, client: Client, pager: Pager) -> None:
        self._client = client
        self._pager = pager
        self._said = False  # that events were left out

    async def account(self) -> Account:
        return (await self._client.get(Route.ACCOUNT, {}, listing.ACCOUNT)).data

    async def environments(self) -> tuple[Environment, ...]:
        return await self._pager.whole(listing.ENVIRONMENTS, {})

    async def spaces(
        self, *, archived: bool, environment_id: str | None = None
    ) -> tuple[Space, ...]:
        # `archived` is always sent: what its absence means is unknown (API notes, section 6).
        params: Params = {"archived": archived, **_environment(environment_id)}
        return await self._pager.whole(listing.SPACES, params)

    async def spaces_first_page(self, *, archived: bool) -> FirstPage:
        page = await self._pager.first(listing.SPACES, {"archived": archived})
        said = page.pagination
        return FirstPage(
            spaces=page.items,
            pages=said.pages if said else None,
            total=said.total if said else None,
        )

    async def count_spaces(self, environment_id: str, *, archived: bool) -> int | None:
        params: Params = {"archived": archived, "environmentId": environment_id, "pageSize": 1}
        page = await self._client.get(Route.SPACES, params, listing.SPACES.shape)
        said = listing.SPACES.checked(page).pagination
        return said.total if said else None

    async def agents(self, environment_id: str, *, system: bool | None = None) -> tuple[Agent, ...]:
        params: Params = _environment(environment_id)
        if system is not None:
            params = {**params, "isSystem": system}
        return await self._pager.whole(listing.AGENTS, params)

    async def users(self) -> tuple[User, ...]:
        return await self._pager.whole(listing.USERS, {})

    async def guests(self, space_id: str | None = None) -> tuple[Guest, ...]:
        params = {} if space_id is None else {"spaceId": space_id}
        page = await self._client.get(Route.GUESTS, params, listing.GUESTS.shape)
        return listing.GUESTS.checked(page).items

    async def events(
        self, since: float, *, environment_id: str | None = None
    ) -> AsyncIterator[tuple[Event, ...]]:
        params = _since(since, environment_id)
        async for page in self._pager.feed(listing.EVENTS, params):
            if page.items:
                yield page.items

    async def raw_events(
        self,
        since: float,
        *,
        environment_id: str | None = None,
        topic: str | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[tuple[RawEvent, ...], None]:
        params = _since(since, environment_id)
        if topic is not None:
            params = {**params, "topic": topic}
        async for page in self._pager.feed(listing.RAW_EVENTS, params, page_size):
            if events := self._usable(page.items):
                yield events

    async def user(self, user_id: str) -> User:
        return await self._one(Lookup.USER.of(user_id), listing.USER)

    async def guest(self, guest_id: str) -> Guest:
        return await self._one(Lookup.GUEST.of(guest_id), listing.GUEST)

    async def agent(self, agent_id: str, environment_id: str) -> Agent:
        place = Lookup.AGENT.of(agent_id)
        return await self._one(place, listing.AGENT, _environment(environment_id))

    async def space(self, space_id: str) -> Space:
        return await self._one(Lookup.SPACE.of(space_id), listing.SPACE)

    async def executions(
        self, environment_id: str, since: float
    ) -> AsyncIterator[tuple[Execution, ...]]:
        params: Params = _environment(environment_id)
        pages, first = await self._pager.begin(listing.EXECUTIONS, params)
        async for items in recent(pages, first, since):
            if items:
                yield items

    async def _one(
        self, place: Place, shape: TypeAdapter[Perhaps[T]], params: Params | None = None
    ) -> T:
        found = (await self._client.get(place, params or {}, shape)).data
        if found is None:
            raise NotFound(f"GET {place.template} answered without data: it is gone")
        return found

    def _usable(self, items: tuple[RawEvent | None, ...]) -> tuple[RawEvent, ...]:
        events = tuple(event for event in items if event is not None)
        missing = len(items) - len(events)
        if missing > 1 and not events:
            raise Malformed(
                "GET /events answered with events none of which has an id, a topic and a time; if"
                " this stays, the API has changed: report it"
            )
        if missing and not self._said:
            self._said = True
            _log.warning(
                "events_left_out",
                count=missing,
                problem="they have no id, no topic or no time that can be read; further ones are"
                " left out without a word. If this stays, the API has changed: report it",
            )
        return events


def _since(moment: float, environment_id: str | None) -> Params:
    return {"since": _iso(moment), "includeAcknowledged": True, **_environment(environment_id)}


def _environment(environment_id: str | None) -> dict[str, str]:
    return {} if environment_id is None else {"environmentId": environment_id}


def _iso(moment: float) -> str:
    """ISO 8601 with milliseconds, rounded down: a bound must not move past what it includes."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
