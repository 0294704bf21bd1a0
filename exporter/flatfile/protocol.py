"""The seam: what may be asked of Flatfile. Collectors know this and nothing below it.

Every method raises a leaf of :class:`exporter.errors.RoundError` and nothing else that is
expected. A listing is returned when all of it arrived, never half (API notes, section 4.1).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

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
from exporter.flatfile.raw import RawEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPage:
    """The first page of the account's Spaces, and what the page object says of the rest.

    ``pages`` and ``total`` are None where the server sends no page object.
    """

    spaces: tuple[Space, ...]
    pages: int | None
    total: int | None


class Flatfile(Protocol):
    """An account, read-only."""

    async def account(self) -> Account:
        """``GET /accounts/current``."""

    async def environments(self) -> tuple[Environment, ...]:
        """Every environment of the account."""

    async def spaces(
        self, *, archived: bool, environment_id: str | None = None
    ) -> tuple[Space, ...]:
        """Every Space for which the server answers ``archived=…`` (whose meaning is unknown)."""

    async def spaces_first_page(self, *, archived: bool) -> FirstPage:
        """One request that tells how large the listing is."""

    async def count_spaces(self, environment_id: str, *, archived: bool) -> int | None:
        """One request: ``totalCount`` of a page of one; None without a page object."""

    async def agents(self, environment_id: str, *, system: bool | None = None) -> tuple[Agent, ...]:
        """Every agent of one environment; ``system`` None leaves the filter out.

        Raises NotFound if the environment is gone.
        """

    async def users(self) -> tuple[User, ...]:
        """Every user of the account."""

    async def guests(self, space_id: str | None = None) -> tuple[Guest, ...]:
        """Guests of one Space, or, without one, of the account if the server allows it.

        One request: this listing has no pages. Raises BadRequest or Forbidden (refused without
        a Space), NotFound (the Space is gone).
        """

    def events(
        self, since: float, *, environment_id: str | None = None
    ) -> AsyncIterator[tuple[Event, ...]]:
        """Pages of events not older than ``since``, until an empty one.

        The order is whatever the server's is; an event may come twice; older ones may come.
        ``includeAcknowledged=true`` is always sent, and nothing is ever acknowledged
        (API notes, section 9.1).
        """

    def raw_events(
        self,
        since: float,
        *,
        environment_id: str | None = None,
        topic: str | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[tuple[RawEvent, ...], None]:
        """The same with all that was said of each event, for the audit log.

        An event without id, topic or time is left out and said once; Malformed if a page has
        several events and none of them can be used. ``page_size`` is the most that is asked for.
        With it the pages never begin anew: one that is too large raises TooLarge instead.
        """

    async def user(self, user_id: str) -> User:
        """One user. Raises NotFound if there is none, or if that is no id of a user.

        The same holds for the other things that are asked for by their id.
        """

    async def guest(self, guest_id: str) -> Guest:
        """One guest."""

    async def agent(self, agent_id: str, environment_id: str) -> Agent:
        """One agent of that environment."""

    async def space(self, space_id: str) -> Space:
        """One Space."""

    def executions(self, environment_id: str, since: float) -> AsyncIterator[tuple[Execution, ...]]:
        """Pages of agent executions of one environment, at least all those since ``since``.

        There is no lower bound in the API: pages are read from the newest end, whichever it is,
        until a whole page is older than ``since`` (or to the end where there is no order).
        """
