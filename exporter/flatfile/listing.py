"""The listings of the API: route, shape of a page, and by what an item is known."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from exporter.errors import Malformed
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
from exporter.flatfile.raw import LenientEvent, RawEvent
from exporter.flatfile.routes import Route

T = TypeVar("T")
_CONFIG = ConfigDict(extra="ignore")
_Count: TypeAlias = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class PageObject:
    """API notes, section 4. Its fields are required there, the object itself is not."""

    current: int | None = Field(default=None, validation_alias="currentPage")
    pages: _Count | None = Field(default=None, validation_alias="pageCount")
    total: _Count | None = Field(default=None, validation_alias="totalCount")


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Page(Generic[T]):
    """``data`` is None if it was missing or null; ``errors`` are there in its place (section 4)."""

    data: tuple[T, ...] | None = None
    pagination: PageObject | None = None
    errors: Any = None

    @property
    def items(self) -> tuple[T, ...]:
        return self.data or ()


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class One(Generic[T]):
    """An answer about a single thing."""

    data: T


@plain_dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """``key`` tells an item from every other one of the listing.

    ``lenient`` where ``data`` itself is optional and its absence means none (API notes,
    section 7).
    """

    route: Route
    shape: TypeAdapter[Page[T]]
    key: Callable[[T], Hashable]
    lenient: bool = False

    def checked(self, page: Page[T]) -> Page[T]:
        """Raises Malformed if there is no ``data`` where there must be, or errors in its place."""
        if page.data is None and (not self.lenient or page.errors):
            raise Malformed(
                f"GET {self.route.path} answered without data; if this stays, the API has changed:"
                " report it"
            )
        return page


@dataclass(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class Perhaps(Generic[T]):
    """An answer about a single thing whose ``data`` is optional (API notes, section 7)."""

    data: T | None = None


ACCOUNT = TypeAdapter(One[Account])
USER = TypeAdapter(Perhaps[User])
GUEST = TypeAdapter(Perhaps[Guest])
AGENT = TypeAdapter(Perhaps[Agent])
SPACE = TypeAdapter(Perhaps[Space])

ENVIRONMENTS: Listing[Environment] = Listing(
    Route.ENVIRONMENTS, TypeAdapter(Page[Environment]), lambda environment: environment.id
)
SPACES: Listing[Space] = Listing(Route.SPACES, TypeAdapter(Page[Space]), lambda space: space.id)
AGENTS: Listing[Agent] = Listing(
    Route.AGENTS, TypeAdapter(Page[Agent]), lambda agent: agent.id, lenient=True
)
USERS: Listing[User] = Listing(Route.USERS, TypeAdapter(Page[User]), lambda user: user.id)
GUESTS: Listing[Guest] = Listing(Route.GUESTS, TypeAdapter(Page[Guest]), lambda guest: guest.id)
EVENTS: Listing[Event] = Listing(Route.EVENTS, TypeAdapter(Page[Event]), lambda event: event.id)
RAW_EVENTS: Listing[RawEvent | None] = Listing(
    Route.EVENTS, TypeAdapter(Page[LenientEvent]), lambda event: event and event.id
)
# An execution has no id; all of it together is what it is known by.
EXECUTIONS: Listing[Execution] = Listing(
    Route.EXECUTIONS, TypeAdapter(Page[Execution]), lambda execution: execution
)
