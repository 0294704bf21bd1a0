"""One round after the other: what to ask, in which way, and what to remember of it."""

import asyncio
from collections.abc import Callable

import structlog
from structlog.typing import FilteringBoundLogger

from exporter.audit.feed.agreement import Agreement, Sample
from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.audit.feed.asking import Asking
from exporter.audit.feed.contract import (
    Environments,
    Keep,
    MayFeed,
    Options,
    Report,
)
from exporter.audit.feed.debt import Debt
from exporter.audit.feed.ledger import ACCOUNT, Ledger, load
from exporter.audit.feed.plan import of_account
from exporter.audit.feed.progress import Progress
from exporter.audit.feed.sweep import Sweep
from exporter.audit.store.database import Database
from exporter.errors import BadRequest, Forbidden, RoundError, StorageFailed
from exporter.flatfile.protocol import Flatfile

_REFUSED = 300.0
"""Seconds until an account's feed that was refused is tried again: it may be trouble of the moment,
and asking each environment costs hundreds of times as much."""

_log: FilteringBoundLogger = structlog.get_logger()


class Feed:
    """The feed of one account. Only the process that holds the log's lock may read it.

    A new one knows from the store how far the feed was read, and begins with wide questions.
    """

    def __init__(
        self,
        *,
        flatfile: Flatfile,
        database: Database,
        environments: Environments,
        store: Keep,
        may_feed: MayFeed,
        options: Options,
        wall: Callable[[], float],
    ) -> None:
        """``wall`` gives Unix seconds; for the rest see :mod:`exporter.audit.feed.contract`."""
        self._asking = Asking(flatfile=flatfile, store=store, may_feed=may_feed)
        self._database = database
        self._environments = environments
        self._options = options
        self._wall = wall
        self._plan = of_account(options.page_size)
        self._progress = Progress(options.overlap)
        self._sweep = Sweep(self._progress, options.page_size, options.workers)
        self._agreement = Agreement()
        self._debt = Debt(self._asking, options.overlap)
        self._refused_until = float("-inf")  # by the loop's clock
        self._said_refused = False
        self._said_narrowed = False

    async def read(self) -> Report:
        """One round. Raises StorageFailed, and what the keeping raises.

        A failure of the source is in the report; what was read before it is kept.
        """
        wall = self._wall()
        moment = Moment(wall=wall, until=wall - self._options.settle)
        gaps = self._asking.gaps
        if not self._asking.may_feed():
            return self._told(Answer(blocked=True), whole=False, gaps=gaps)
        ledger = await load(self._database)
        begin = wall - self._options.start
        # By a clock that was ahead it begins in the future, and would wait for that in silence.
        if ledger.origin is None or (ledger.blank and begin < ledger.origin):
            ledger.begin(begin)
        try:
            answer, whole = await self._round(ledger, moment)
        except StorageFailed:
            # A proof or a refusal that is remembered and not written down would be built on.
            self._agreement, self._refused_until = Agreement(), float("-inf")
            self._debt = Debt(self._asking, self._options.overlap)
            raise
        return self._told(answer, whole=whole, gaps=gaps)

    async def _round(self, ledger: Ledger, moment: Moment) -> tuple[Answer, bool]:
        apart = self._apart
        if not apart:
            answer, whole = await self._account(ledger, moment)
        if apart or self._refused:
            answer, whole = await self._by_environment(ledger, moment)
        await self._asking.keep(Answer(), ledger.take())
        return answer, whole

    @property
    def _apart(self) -> bool:
        return self._refused or self._plan.rung.split

    @property
    def _refused(self) -> bool:
        return asyncio.get_running_loop().time() < self._refused_until

    async def _account(self, ledger: Ledger, moment: Moment) -> tuple[Answer, bool]:
        """Ask for all of the account at once; whether everything was read that there was."""
        question = Question(
            since=self._progress.since(ledger, ACCOUNT), page_size=self._plan.rung.size
        )
        sample: Sample | None = None
        if self._agreement.due:
            try:
                ids = await self._environments()
                sample = await self._agreement.sample(self._asking.flatfile, ids, question, moment)
            except StorageFailed:
                raise
            except RoundError as error:
                self._plan.narrow(error)
                return Answer(error=error), False
        answer = await self._asking.ask(
            question,
            moment=moment,
            late_before=self._progress.late_before(ledger, ACCOUNT),
            watched=ledger.newest_anchors(ACCOUNT).keys() | (sample.events if sample else set()),
            marks=self._progress.marks(ledger, ACCOUNT),
        )
        whole = False
        if answer.whole:
            whole = self._accept(ledger, answer, moment, sample)
        elif isinstance(answer.error, BadRequest | Forbidden) and not answer.pages:
            self._refuse(ledger, moment, anew=False)
            self._debt.refused(ledger, answer, moment)
        else:
            if answer.error and answer.stuck_at(ledger.marks[ACCOUNT]):
                self._plan.narrow(answer.error)
            self._progress.conclude(ledger, ACCOUNT, answer, moment)
        await self._asking.keep(answer, ledger.take())
        if whole:
            await self._debt.pay(ledger, self._plan.rung.size, moment)
        return answer, whole

    def _accept(
        self, ledger: Ledger, answer: Answer, moment: Moment, sample: Sample | None
    ) -> bool:
        """A whole answer for the account, as far as it can be believed."""
        verdict = self._agreement.judge(sample, answer)
        if verdict == "refuted":
            self._refuse(ledger, moment, anew=True)
        if verdict in {"doubtful", "refuted"}:
            self._progress.doubt(ledger, ACCOUNT, answer)
            return False
        if not self._progress.conclude(ledger, ACCOUNT, answer, moment):
            return False
        self._plan.widen()
        ledger.read_whole(moment.wall)
        if verdict == "proven":
            ledger.agree()
            self._sweep.forget()
            self._said_refused = False
        return True

    def _refuse(self, ledger: Ledger, moment: Moment, *, anew: bool) -> None:
        """From now on each environment by itself.

        ``anew`` where the account's feed was found to lack something: then until the process starts
        again, since to find that out costs as much as to read all of it.
        """
        now = asyncio.get_running_loop().time()
        self._refused_until = float("inf") if anew else now + _REFUSED
        self._agreement = Agreement()
        ledger.part(moment.wall, anew=anew)
        if not self._said_refused:
            _log.info(
                "audit_feed_by_environment",
                reason="the account's own feed cannot be had, or lacks events of its environments",
            )
        self._said_refused = True

    async def _by_environment(self, ledger: Ledger, moment: Moment) -> tuple[Answer, bool]:
        try:
            ids = await self._environments()
        except StorageFailed:
            raise
        except RoundError as error:
            return Answer(error=error), False
        if not self._refused:
            ledger.owe()
        trusted = self._agreement.proven and not self._refused
        for environment_id in ids:
            ledger.inherit(environment_id, trusted=trusted)
        swept = await self._sweep.read(self._asking, ledger, ids, moment)
        whole = swept.whole == len(ids)
        if whole:
            ledger.move(ACCOUNT, mark=swept.newest, complete=moment.until)
            ledger.read_whole(moment.wall)
            if not self._sweep.narrowed:
                self._plan.rejoin()
        return Answer(error=swept.error, blocked=swept.blocked, added=swept.added), whole

    def _told(self, answer: Answer, *, whole: bool, gaps: int) -> Report:
        narrowed = self._plan.narrowed + self._sweep.narrowed
        self._say(answer, narrowed)
        return Report(
            way="environment by environment" if self._apart else "account-wide",
            whole=whole,
            added=answer.added,
            gaps=self._asking.gaps - gaps,
            narrowed=narrowed,
            blocked=answer.blocked,
            error=answer.error,
        )

    def _say(self, answer: Answer, narrowed: int) -> None:
        """Transitions, not repetitions."""
        if narrowed and not self._said_narrowed:
            reason = answer.error.reason if answer.error else "after a failure"
            _log.warning("audit_feed_narrowed", questions=narrowed, reason=reason)
        elif self._said_narrowed and not narrowed:
            _log.info("audit_feed_widened")
        self._said_narrowed = bool(narrowed)
