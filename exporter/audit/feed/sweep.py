"""Reading environment by environment."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from exporter.audit.feed.answer import Answer, Moment
from exporter.audit.feed.asking import Asking
from exporter.audit.feed.environment import Environment, Scope
from exporter.audit.feed.gaps import Gap
from exporter.audit.feed.ledger import ACCOUNT, Ledger
from exporter.audit.feed.progress import Progress
from exporter.errors import ExporterError, RoundError

_IN_A_ROW = 16
"""So many environments that fail without an answer between them end the sweep: the source is down,
and asking for each of two thousand would hold up the next round for hours."""

_TOGETHER = 200  # environments without news whose marks are written in one transaction


@dataclass(slots=True)
class Swept:
    """What the environments together came to. ``asked`` counts those that were."""

    asked: int = 0
    whole: int = 0
    added: int = 0
    newest: float | None = None
    blocked: bool = False
    error: RoundError | None = None
    in_a_row: int = 0

    def note(self, answer: Answer, *, whole: bool) -> None:
        self.asked += 1
        self.whole += whole
        self.added += answer.added
        self.blocked = self.blocked or answer.blocked
        self.error = self.error or answer.error
        self.in_a_row = self.in_a_row + 1 if answer.error and not answer.pages else 0
        if answer.newest is not None:
            self.newest = max(answer.newest, self.newest or answer.newest)

    @property
    def over(self) -> bool:
        return self.blocked or self.in_a_row >= _IN_A_ROW


@dataclass(slots=True)
class Sweep:
    """The environments of the account and the way in which each is asked."""

    progress: Progress
    page_size: int
    workers: int
    _environments: dict[str, Environment] = field(default_factory=dict)
    _gone: frozenset[str] = frozenset()

    @property
    def narrowed(self) -> int:
        return sum(one.plan.narrowed for one in self._environments.values())

    def forget(self) -> None:
        self._environments.clear()

    async def read(
        self, asking: Asking, ledger: Ledger, environment_ids: Sequence[str], moment: Moment
    ) -> Swept:
        """Ask all of them; each has its mark in the ledger already.

        Raises StorageFailed, and what the keeping raises.
        """
        await self._bury(asking, ledger, environment_ids, moment)
        swept = Swept()
        waiting = iter(environment_ids)
        raised: list[ExporterError] = []

        async def work() -> None:
            for environment_id in waiting:
                if swept.over or raised:
                    return
                try:
                    answer = await self._ask(asking, ledger, environment_id, moment)
                    whole = self.progress.conclude(ledger, environment_id, answer, moment)
                    if answer.held or answer.gaps or (swept.asked + 1) % _TOGETHER == 0:
                        await asking.keep(answer, ledger.take())
                    swept.note(answer, whole=whole)
                except ExporterError as error:  # of the store; the others stop, too
                    raised.append(error)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.workers, len(environment_ids))):
                group.create_task(work())
        if raised:
            raise raised[0]
        return swept

    async def _ask(
        self, asking: Asking, ledger: Ledger, environment_id: str, moment: Moment
    ) -> Answer:
        one = self._environments.setdefault(environment_id, Environment(self.page_size))
        scope = Scope(
            environment_id=environment_id,
            since=self.progress.since(ledger, environment_id),
            mark=ledger.marks[environment_id],
            overlap=self.progress.overlap,
            late_before=self.progress.late_before(ledger, environment_id),
            watched=frozenset(ledger.newest_anchors(environment_id)),
            at_once=self.workers,
            marks=self.progress.marks(ledger, environment_id),
        )
        return await one.ask(asking, scope, moment)

    async def _bury(
        self, asking: Asking, ledger: Ledger, living: Collection[str], moment: Moment
    ) -> None:
        """Environments that were read and are not listed any more, twice in a row.

        As long as the account's own feed is owed, nothing is said to be missing: that may show it.
        By a clock that is behind the newest event nobody can say until when something is missing.
        """
        if moment.wall < max(ledger.marks.values()):
            return
        gone = frozenset(ledger.marks).difference(living, {ACCOUNT})
        last = Answer()
        for environment_id in gone & self._gone:
            mark = ledger.marks[environment_id]
            complete = ledger.complete.get(environment_id, mark)
            if ledger.owed is None:
                last.gaps.append(
                    Gap(
                        kind="environment",
                        since=max(mark, complete) - self.progress.overlap,
                        until=moment.wall + self.progress.overlap,
                        environment_id=environment_id,
                    )
                )
            ledger.drop((environment_id,))
            self._environments.pop(environment_id, None)
        if last.gaps:
            await asking.keep(last, ledger.take())
        self._gone = gone - self._gone
