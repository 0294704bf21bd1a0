"""Reading what was before the log began, or what it lost and the source still has.

Environment by environment, each with a cursor of its own, so that it goes on where it was killed:
from where the first attempt began, and up to the time of the last one.
It needs no lock and works beside a daemon: what both read is one record, by its uid.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from exporter.audit.feed.answer import Answer, Moment
from exporter.audit.feed.asking import Asking
from exporter.audit.feed.contract import Environments, Keep, MayFeed, Options
from exporter.audit.feed.environment import Environment, Scope
from exporter.audit.feed.plan import helps
from exporter.audit.store import cursors
from exporter.audit.store.database import Database
from exporter.errors import NotFound, RoundError
from exporter.flatfile.protocol import Flatfile

_DEAD = 5
"""So many questions in a row without any answer end it: the source is down. Smaller pages are
three of them, so that one environment that answers only topic by topic is no reason."""


@dataclass(slots=True, kw_only=True)
class Backfilled:
    """What it came to. ``oldest`` (Unix seconds) is as far as the source went back.

    Not everything was read if there are ``failed`` environments, if there was no room
    (``blocked``), or if there is an ``error``, the source being down. Then the same call goes on
    where this one ended.
    """

    environments: int
    done: int = 0
    added: int = 0
    gaps: int = 0
    oldest: float | None = None
    failed: dict[str, RoundError] = field(default_factory=dict)
    blocked: bool = False
    error: RoundError | None = None

    @property
    def whole(self) -> bool:
        return self.done == self.environments


@dataclass(slots=True, kw_only=True)
class Backfill:
    """From ``since`` (Unix seconds) to now.

    One that was not finished is gone on with by the same ``name``, whatever ``since`` is by then:
    an age means another time each time it is asked.
    """

    name: str
    since: float
    flatfile: Flatfile
    database: Database
    environments: Environments
    store: Keep
    may_feed: MayFeed
    options: Options
    wall: Callable[[], float]
    tell: Callable[[Backfilled], None] = lambda _: None
    """Called after each environment and each part of one, with the state of things."""
    _dead: int = 0

    async def run(self) -> Backfilled:
        """Raises StorageFailed and what the keeping raises.

        Also a leaf of RoundError if the environments cannot be listed.
        """
        listed = await self.environments()
        marks = await self.database.run(partial(cursors.marks, prefix=self._scope))
        until = self.wall() - self.options.settle
        if self._scope in marks:
            self.since = marks[self._scope]
        else:
            await self.database.run(partial(cursors.change, changes=[(self._scope, self.since)]))
        asking = Asking(flatfile=self.flatfile, store=self.store, may_feed=self.may_feed)
        state = Backfilled(environments=len(listed))
        for environment_id in listed:
            mark = marks.get(self._of(environment_id))
            if mark is None or mark < until:
                await self._read(asking, environment_id, mark, until, state)
            else:
                state.done += 1
            state.gaps = asking.gaps
            self.tell(state)
            if state.blocked or state.error:
                return state
        if state.whole:  # nothing to go on with: the next time begins anew
            await self.database.run(partial(_forget, prefix=self._scope))
        return state

    async def _read(
        self,
        asking: Asking,
        environment_id: str,
        mark: float | None,
        until: float,
        state: Backfilled,
    ) -> None:
        one = Environment(self.options.page_size)
        while True:
            begin = self.since if mark is None else max(self.since, mark - self.options.overlap)
            scope = Scope(
                environment_id=environment_id,
                since=begin,
                mark=self.since if mark is None else mark,
                overlap=self.options.overlap,
                late_before=None,
            )
            answer = await one.ask(asking, scope, Moment(wall=self.wall(), until=until))
            reached = until if answer.whole else answer.upto
            further = reached is not None and reached > (mark or self.since)
            if further:
                mark = reached
            await asking.keep(answer, [(self._of(environment_id), mark)] if further else ())
            state.added += answer.added
            if answer.oldest is not None:
                state.oldest = min(answer.oldest, state.oldest or answer.oldest)
            if answer.whole:
                state.done += 1
                return
            if further:
                self.tell(state)
            if self._ends(environment_id, answer, state):
                return

    def _ends(self, environment_id: str, answer: Answer, state: Backfilled) -> bool:
        """Whether to leave it at that; else it is asked again, in a smaller way."""
        if answer.blocked:
            state.blocked = True
            return True
        error = answer.error
        if error is None:
            return False
        if isinstance(error, NotFound):  # deleted since it was listed
            state.environments -= 1
            return True
        self._dead = 0 if answer.pages else self._dead + 1
        if self._dead >= _DEAD:
            state.error = error
        elif not helps(error):
            state.failed[environment_id] = error
        return self._dead >= _DEAD or environment_id in state.failed

    @property
    def _scope(self) -> str:
        return f"backfill/{self.name}"

    def _of(self, environment_id: str) -> str:
        return f"{self._scope}/{environment_id}"


def _forget(connection: sqlite3.Connection, prefix: str) -> None:
    scopes: Mapping[str, float] = cursors.marks(connection, prefix)
    for scope in scopes:
        if scope == prefix or scope.startswith(f"{prefix}/"):
            cursors.forget(connection, scope)
