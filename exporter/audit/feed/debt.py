"""What only the account's own feed can still show, once it can be had again.

While environments are read one by one, whatever happened in one that is gone by then is shown by
no question about an environment: of some nobody ever hears. So the account's feed is read once
more from where it had been read to.
"""

from dataclasses import dataclass, field

from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.audit.feed.asking import Asking
from exporter.audit.feed.gaps import Bounds, Gap
from exporter.audit.feed.ledger import ACCOUNT, Ledger

_DELETED = "environment:deleted"
_TRIES = 4
"""Attempts that fail although the account answers: then there is too much of it to be had."""

_REFUSALS = 12  # in a row, until nobody waits for that feed any more: an hour


@dataclass(slots=True)
class Debt:
    """Pays what the ledger says is owed, or says that it cannot be had."""

    asking: Asking
    overlap: float
    _failures: int = field(default=0)
    _refusals: int = field(default=0)
    _doubted: bool = field(default=False)

    async def pay(self, ledger: Ledger, size: int, moment: Moment) -> None:
        """After a whole answer for the account, with pages of the size that works.

        Raises StorageFailed, and what the keeping raises.
        """
        self._refusals = 0
        if ledger.owed is None:
            return
        answer = await self._ask(ledger, ledger.owed, size, moment)
        if not answer.whole:
            await self.asking.keep(answer)
            self._failures += answer.error is not None
            if self._failures < _TRIES:
                return
            answer = await self._give_up(ledger, ledger.owed, size, moment)
        elif self._forgotten(ledger, ledger.owed, answer, moment):
            if not self._doubted:  # it may be the answer that is wrong
                self._doubted = True
                await self.asking.keep(answer)
                return
            until = moment.wall if answer.oldest is None else answer.oldest
            since = ledger.owed - self.overlap
            answer.gaps.append(Gap(kind="forgotten", since=since, until=until))
        self._failures, self._doubted = 0, False
        ledger.settle()
        await self.asking.keep(answer, ledger.take())

    def refused(self, ledger: Ledger, answer: Answer, moment: Moment) -> None:
        """The account's feed may not be asked, as ``answer`` says."""
        self._refusals += 1
        if ledger.owed is not None and self._refusals >= _REFUSALS:
            answer.gaps.append(self._gap(ledger, ledger.owed, moment))
            ledger.settle()

    def _forgotten(self, ledger: Ledger, owed: float, answer: Answer, moment: Moment) -> bool:
        """Whether the source may have forgotten some of it by now."""
        bounds = Bounds(
            complete=owed if ledger.owing is None else ledger.owing,
            overlap=self.overlap,
            anchor=None,
            void=False,
            held=ledger.held,
            outrun=owed,
        )
        return not (bounds.joins(met=False, oldest=answer.oldest) or bounds.harmless(moment.wall))

    async def _give_up(self, ledger: Ledger, owed: float, size: int, moment: Moment) -> Answer:
        """Say of which environments something may be missing, if that much can be had."""
        answer = await self._ask(ledger, owed, size, moment, topic=_DELETED)
        if not answer.whole:
            answer.gaps.append(self._gap(ledger, owed, moment))
        for environment_id in sorted(answer.anchors):
            answer.gaps.append(self._gap(ledger, owed, moment, environment_id))
        return answer

    async def _ask(
        self, ledger: Ledger, owed: float, size: int, moment: Moment, topic: str | None = None
    ) -> Answer:
        question = Question(since=owed - self.overlap, page_size=size, topic=topic)
        late_before = ledger.marks[ACCOUNT]
        return await self.asking.ask(question, moment=moment, late_before=late_before)

    def _gap(
        self, ledger: Ledger, owed: float, moment: Moment, environment_id: str | None = None
    ) -> Gap:
        return Gap(
            kind="environment" if environment_id else "unreachable",
            since=owed - self.overlap,
            until=ledger.complete.get(ACCOUNT, moment.until),
            environment_id=environment_id,
        )
