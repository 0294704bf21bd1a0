"""What comes in, joined and appended: events, listings, and what became known of unknown actors.

Everything here is one transaction at a time in the store's thread; only the lookups of who is
unknown wait for the API, and only for so long.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from exporter.audit import changes, joining, resolving, unknown
from exporter.audit.excerpt import text
from exporter.audit.feed import gaps
from exporter.audit.feed.contract import Parcel
from exporter.audit.feed.scopes import READ
from exporter.audit.joining import Options
from exporter.audit.knowledge.memory import Memory
from exporter.audit.record import Draft
from exporter.audit.resolving import Answer
from exporter.audit.store import chain, cursors
from exporter.audit.store.chain import Appended
from exporter.audit.store.database import Database
from exporter.audit.unknown import Question
from exporter.flatfile.models import Agent, Environment, Guest, Space, User
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent
from exporter.flatfile.whole import Whole
from exporter.precedence import GiveWay, never

LOOKUPS = 50
"""Questions for unknown actors and Spaces before a batch is appended; the rest is amended later."""

_EVENTS_A_QUESTION = 20  # of a large batch, which may have more of them

_SECONDS = 5.0  # for those questions: a record now is worth more than a name at once
_LEFTOVERS = 20  # questions for actors of records that stand, in each round


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """``keep_plain`` keeps names and addresses beside the log; ``workers`` ask at once."""

    database: Database
    options: Options
    keep_plain: bool
    workers: int
    memory: Memory = field(default_factory=Memory)
    give_way: GiveWay = never

    async def keep(
        self, flatfile: Flatfile, parcel: Parcel, *, source: str, now: float
    ) -> Appended:
        """Append the events that do not stand yet, then the gaps, and set the cursors.

        One transaction: no kill leaves an event without how far that was read, or the reverse.
        ``now`` is Unix seconds. What is told of is the events. Raises StorageFailed.
        """
        batch = parcel.events

        def look(connection: sqlite3.Connection) -> tuple[list[RawEvent], int, list[Question]]:
            uids = [text(event.id) for event in batch]
            standing = chain.known(connection, uids)
            new = [event for event, uid in zip(batch, uids, strict=True) if uid not in standing]
            limit = max(LOOKUPS, len(new) // _EVENTS_A_QUESTION)
            asked = unknown.questions(connection, new, now=now, limit=limit, memory=self.memory)
            return new, chain.head(connection).sequence, asked

        new, absent_at, asked = await self.database.run(look) if batch else ([], None, [])
        answers = await self._ask(flatfile, asked)

        def work(connection: sqlite3.Connection) -> Appended:
            self._learn(connection, answers, now)
            drafts = joining.drafts(
                connection,
                new,
                late_before=parcel.late_before,
                source=source,
                now=now,
                options=self.options,
                memory=self.memory,
            )
            chain.counted_duplicates(connection, len(batch) - len(new))
            appended = chain.append(
                connection, drafts, now=now, give_way=self.give_way, absent_at=absent_at
            )
            chain.append(connection, map(gaps.draft, parcel.gaps), now=now)
            cursors.change(connection, parcel.marks)
            return appended

        return await self.database.run(work)

    async def listing(self, whole: Whole, now: float) -> Appended:
        """Note a listing, and append what differs from the one before. Raises StorageFailed."""

        def work(connection: sqlite3.Connection) -> Appended:
            return chain.append(connection, self._differences(connection, whole), now=now)

        return await self.database.run(work)

    async def resolve(self, flatfile: Flatfile, now: float) -> Appended:
        """Ask who is behind some unresolved records, and amend them. Raises StorageFailed."""
        asked = partial(resolving.leftovers, now=now, limit=_LEFTOVERS)
        answers = await self._ask(flatfile, await self.database.run(asked))

        def work(connection: sqlite3.Connection) -> Appended:
            self._learn(connection, answers, now)
            drafts = resolving.amendments(connection, now=now, memory=self.memory)
            return chain.append(connection, drafts, now=now)

        return await self.database.run(work)

    async def _ask(self, flatfile: Flatfile, asked: Sequence[Question]) -> Sequence[Answer]:
        if not asked:
            return ()
        return await resolving.ask(flatfile, asked, seconds=_SECONDS, workers=self.workers)

    def _learn(self, connection: sqlite3.Connection, answers: Sequence[Answer], now: float) -> None:
        if answers:
            resolving.learn(connection, answers, now=now, keep_plain=self.keep_plain)

    def _differences(self, connection: sqlite3.Connection, whole: Whole) -> list[Draft]:
        if whole.kind is User:
            users = [thing for thing in whole.things if isinstance(thing, User)]
            return changes.learn_users(connection, users, whole.wall, keep_plain=self.keep_plain)
        if whole.kind is Guest:
            return changes.learn_guests(
                connection,
                [thing for thing in whole.things if isinstance(thing, Guest)],
                whole.wall,
                environment_ids=whole.environment_ids,
                keep_plain=self.keep_plain,
            )
        if whole.kind is Agent:
            agents = [thing for thing in whole.things if isinstance(thing, Agent)]
            (environment_id,) = whole.environment_ids
            fed = cursors.mark(connection, READ)
            return changes.learn_agents(connection, environment_id, agents, whole.wall, fed=fed)
        if whole.kind is Space:
            spaces = [thing for thing in whole.things if isinstance(thing, Space)]
            changes.learn_spaces(connection, spaces, whole.wall)
            return []
        environments = [thing for thing in whole.things if isinstance(thing, Environment)]
        changes.learn_environments(connection, environments, whole.wall)
        return []
