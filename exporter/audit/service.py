"""The audit log as it lives in the daemon: who feeds it, what it takes in, what it hands on.

It lives as long as the process. A reload changes the session with Flatfile under it, and none of
its own settings: a log is not something to be moved while it is written.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

import structlog

from exporter.audit import log as shown
from exporter.audit import people, retention
from exporter.audit.backlog import Cap, Policy
from exporter.audit.delivery import Delivery
from exporter.audit.families import AuditReading, LogReading
from exporter.audit.feed import contract
from exporter.audit.feed.contract import Environments, Parcel
from exporter.audit.feed.rounds import Feed
from exporter.audit.intake import Intake
from exporter.audit.joining import Options
from exporter.audit.keys import SigningKey
from exporter.audit.lock import Lock
from exporter.audit.place import place
from exporter.audit.store import checkpoints
from exporter.audit.store.database import Database
from exporter.audit.wiring import sinks
from exporter.errors import ConfigurationError, Mistake, RoundError, StorageFailed
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.whole import Whole
from exporter.precedence import GiveWay, never
from exporter.settings import Settings
from exporter.settings.durations import duration

_TRY_AGAIN = 5.0  # seconds between two attempts to take over, and to use a store that failed
_TEND = 5.0  # seconds between two looks at checkpoints, at what to prune, and for the metrics

log = structlog.get_logger()


class Audit:
    """``run`` it once. A round of the feed is played by the schedule, with the present session."""

    def __init__(
        self,
        settings: Settings,
        *,
        wall: Callable[[], float],
        rng: Random,
        give_way: GiveWay = never,
    ) -> None:
        """Read or make the signing key. Raises ConfigurationError.

        ``wall`` gives Unix seconds.
        """
        self.settings = settings.audit
        where = place(settings)
        # First: a bad one leaves no key behind.
        handed_to = sinks(self.settings, where.folder, wall)
        try:
            self._key = SigningKey.load_or_make(where.key)
        except StorageFailed as error:
            raise ConfigurationError(
                Mistake("audit.signing-key-file", "configuration", str(error))
            ) from error
        self._wall = wall
        self._lock = Lock(where.folder)
        self.database = Database(where.folder, wall, key=self._key, heads=where.heads)
        self._intake = Intake(
            database=self.database,
            options=Options(payload_fields=frozenset(self.settings.payload_fields)),
            keep_plain=self.settings.personal_data == "plain",
            workers=settings.api.concurrency,
            give_way=give_way,
        )
        self._delivery = Delivery(
            self.database,
            handed_to,
            cap=Cap(limit=self.settings.backlog_limit, policy=Policy(self.settings.backlog_policy)),
            wall=wall,
            rng=rng,
        )
        self._options = contract.Options(
            overlap=self.settings.overlap,
            settle=self.settings.settle,
            start=self.settings.start,
            page_size=settings.api.page_size,
            workers=settings.api.concurrency,
        )
        self._feed: tuple[Flatfile, Feed] | None = None
        self._offered: dict[tuple[type, frozenset[str]], Whole] = {}
        self._log: LogReading | None = None
        self._failing_since: float | None = None
        self._tended = asyncio.Event()
        self.problem: str | None = None
        """Why the newest round of the feed failed."""

    def offer(self, whole: Whole) -> None:
        """Take a listing, to be looked at in the next round; a newer one replaces it."""
        if self._lock.held:
            self._offered[whole.kind, whole.environment_ids] = whole

    @property
    def public_key(self) -> str:
        """Of the key that signs, hexadecimal."""
        return self._key.public

    @property
    def failing_sinks(self) -> Mapping[str, str]:
        """Why each sink that fails does, by its name."""
        return self._delivery.problems

    def reading(self) -> AuditReading:
        """What is shown on a scrape: from memory, nothing is asked."""
        known = self._log if self._lock.held else None
        return AuditReading(
            writer=self._lock.held,
            available=self.database.available is not False,
            # Until the backlog was looked at for the first time, nothing is known of it.
            blocked=known is not None and self._delivery.blocked,
            log=known,
        )

    async def run(self) -> None:
        """Wait to be the writer, then deliver and keep order, until cancelled."""
        try:
            await self._become_writer()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._delivery.run(), name="audit-delivery")
                group.create_task(self._tend(), name="audit-tend")
        finally:
            await self._delivery.aclose()
            await self.database.aclose()
            self._lock.release()

    async def round(self, flatfile: Flatfile, environments: Environments) -> None:
        """One reading of the feed, and what was offered since. Raises nothing that is expected.

        How to ask is learned anew with each session.
        """
        if not self._lock.held or self._log is None:
            return
        began = self._wall()
        try:
            await self._listings()
            report = await self._reader(flatfile, environments).read()
            await self._intake.resolve(flatfile, self._wall())
            self._log = await self.database.run(shown.read)
            error = report.error
        except RoundError as failure:
            error = failure
        if error is None:
            self._succeeded(began)
        else:
            self._failed(error, began)
        self._delivery.appended()

    def _reader(self, flatfile: Flatfile, environments: Environments) -> Feed:
        if self._feed is not None and self._feed[0] is flatfile:
            return self._feed[1]

        async def store(parcel: Parcel) -> int:
            appended = await self._intake.keep(flatfile, parcel, source="feed", now=self._wall())
            self._delivery.appended()
            return appended.records

        feed = Feed(
            flatfile=flatfile,
            database=self.database,
            environments=environments,
            store=store,
            may_feed=lambda: not self._delivery.blocked,
            options=self._options,
            wall=self._wall,
        )
        self._feed = flatfile, feed
        return feed

    async def _listings(self) -> None:
        offered, self._offered = self._offered, {}
        for whole in offered.values():
            await self._intake.listing(whole, self._wall())

    async def _become_writer(self) -> None:
        loop = asyncio.get_running_loop()
        said = False
        while True:
            try:
                if await loop.run_in_executor(None, self._lock.take):
                    if self.settings.personal_data != "plain":
                        # Nobody else takes away what was kept of those who are listed no more.
                        await self.database.run(people.forget)
                    break
                if not said:
                    log.info("audit_waits", reason="another process feeds this audit log")
            except StorageFailed as error:
                if not said:
                    log.error("audit_unavailable", problem=str(error))  # noqa: TRY400 - expected
            said = True
            await asyncio.sleep(_TRY_AGAIN)
        log.info("audit_writes", public_key=self._key.public, took_over=said)

    async def _tend(self) -> None:
        """Sign checkpoints, prune, and read what is shown; whatever the feed does meanwhile."""
        while True:
            try:
                await self.database.run(self._checkpoint)
                if self.settings.retention is not None:
                    await self._prune(self.settings.retention)
                self._log = await self.database.run(shown.read)
            except StorageFailed:
                pass  # the store says it; it is tried again
            await asyncio.sleep(_TEND)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        now = self._wall()
        records, seconds = self.settings.checkpoint_records, self.settings.checkpoint_interval
        if checkpoints.due(connection, now, records, seconds):
            head = checkpoints.checkpoint(connection, self._key, now)
            # A witness elsewhere: whoever collects logs has it, and a log rolled back has not.
            log.info("audit_checkpoint", sequence=head.sequence, hash=head.hash)

    async def _prune(self, keep: float) -> None:
        while True:
            now = self._wall()
            pruned = await self.database.run(
                partial(retention.prune, key=self._key, before=now - keep, now=now)
            )
            if not pruned.records:
                return
            log.info("audit_pruned", records=pruned.records, upto=pruned.last)

    def _failed(self, error: RoundError, began: float) -> None:
        if self._failing_since is None:
            self._failing_since = began
            log.warning("audit_feed_failing", reason=error.reason, problem=str(error))
        self.problem = str(error)

    def _succeeded(self, now: float) -> None:
        if self._failing_since is not None:
            log.info("audit_feed_recovered", failing_for=duration(round(now - self._failing_since)))
        self._failing_since = self.problem = None
