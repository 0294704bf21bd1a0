"""The daemon: what lives as long as the process, and what a reload replaces.

The board, the embedded state, the listener and all counts live on. The connection to Flatfile,
the directory of environments and the schedule are a *generation*: a reload ends one and begins
the next, with the token, the due times and everything on the board unchanged.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from random import Random

import structlog

from exporter import board, health, logs
from exporter.app import auditing
from exporter.app.ahead import Ahead
from exporter.app.front import Front
from exporter.app.generation import collect, records, until
from exporter.app.link import Link, open_session
from exporter.app.portrait import portray
from exporter.app.signals import handled
from exporter.audit import families as audit_families
from exporter.errors import ConfigurationError
from exporter.exposition import Exposition
from exporter.families import Measured, measure
from exporter.flatfile.session import Session
from exporter.health.build import this_build
from exporter.health.process import Process
from exporter.jobs.schedule import Timetable
from exporter.notify import Supervisor
from exporter.precedence import Precedence
from exporter.settings import restart_needed
from exporter.settings.loading import Loaded
from exporter.state.store import Store
from exporter.web.app import App, Parts
from exporter.web.status import Status

Reread = Callable[[], Loaded]
_BEAT = 1.0  # seconds between two heartbeats of the loop
_LAST_ANSWERS = 3.0  # seconds that answers under way get at the end

log = structlog.get_logger()


class Daemon:
    """Build it with a loop running, then ``listen``, then ``run`` it once."""

    def __init__(
        self,
        loaded: Loaded,
        reread: Reread,
        *,
        wall: Callable[[], float],
        rng: Random,
        link: Link = open_session,
        environ: Mapping[str, str] | None = None,
        front: Front | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        """Open nothing yet. Raises ConfigurationError for what only shows now.

        ``wall`` gives Unix seconds; ``link`` opens a session with Flatfile; ``environ`` holds what
        systemd left for us, if it started this; ``front`` may answer already, and ``ahead`` is
        what was asked already.
        """
        self._settings = self._started_with = loaded.settings
        self._reread = reread
        self._wall = wall
        self._rng = rng
        self._link = link
        self._environ = environ or {}
        self._supervisor = Supervisor.of(self._environ, os.getpid())
        self._started = self._heartbeat = wall()
        self._reload = health.Reload(successful=True, at=self._started)
        self._build = this_build()
        self._process = Process()
        self._timetable = Timetable()
        self._board = board.Board()
        self._board.swap(board.enabled(records(self._settings)))
        # First: a bad web configuration file opens nothing.
        self._front = front or Front(self._settings, self._environ, wall)
        self._store = Store(self._settings.storage.path, wall)
        self._ahead = ahead
        self._session: Session = (
            ahead.session if ahead else link(self._settings, wall=wall, rng=rng, before=None)
        )
        self._in_use = self._session
        self._precedence = Precedence()
        self._audit = auditing.open_audit(
            self._settings, wall=wall, rng=rng, give_way=self._precedence.give_way
        )
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._hung_up = asyncio.Event()
        self.server = self._front.server
        self._front.hand_over(self._app())

    def listen(self) -> None:
        """Open the listener: who connects waits for ``run``. Raises ConfigurationError."""
        self._front.listen()

    async def run(self) -> None:
        """Serve until ``SIGTERM`` or ``SIGINT``. Whatever is not expected comes out of here."""
        await self._front.start()
        handlers = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: self._hung_up.set,
        }
        with handled(handlers, self._front.signals):
            log.info(
                "started",
                version=self._build.version,
                listening=", ".join(self.server.places),
                scheme=self.server.scheme,
            )
            self._supervisor.ready(f"Listening on {', '.join(self.server.places)}.")
            try:
                async with asyncio.TaskGroup() as group:
                    beside = [
                        group.create_task(self._beat(), name="heartbeat"),
                        group.create_task(self._supervisor.watch(), name="watchdog"),
                        group.create_task(self._hang_ups(), name="reloads"),
                    ]
                    if self._audit is not None:
                        beside.append(group.create_task(self._audit.run(), name="audit"))
                    await group.create_task(self._generations(), name="generations")
                    for task in beside:
                        task.cancel()
            finally:
                self._supervisor.stopping()
                if self._ahead is not None:
                    await self._ahead.drop()
                await self.server.stop(_LAST_ANSWERS)
                await self._store.aclose()
        log.info("stopped")

    def stop(self) -> None:
        """Begin to stop in order."""
        self._stop.set()

    async def reload(self) -> tuple[str, ...]:
        """Read the configuration again; the mistakes, or nothing if it is in use now."""
        async with self._reloading:
            self._supervisor.reloading()
            mistakes = await self._take_over()
            self._supervisor.ready(
                "Reloaded." if not mistakes else "The old settings are in force."
            )
            return mistakes

    async def _take_over(self) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        wrong: ConfigurationError | None = None
        try:
            loaded = await loop.run_in_executor(None, self._reread)
            if self._front.guard is not None:
                await self._front.guard.reread()
            session = self._link(
                loaded.settings, wall=self._wall, rng=self._rng, before=self._session
            )
        except ConfigurationError as error:
            wrong = error
        if wrong is not None:
            self._reload = health.Reload(successful=False, at=self._reload.at)
            mistakes = tuple(str(mistake) for mistake in wrong.mistakes)
            log.error("reload_failed", mistakes=mistakes)
            return mistakes
        for setting in restart_needed(self._started_with, loaded.settings):
            log.warning("restart_needed", setting=setting)
        unused = None if self._session is self._in_use else self._session
        self._session = session
        # What state and audit log are of is settled: see restart_needed.
        self._settings = loaded.settings.model_copy(update={"shard": self._started_with.shard})
        self._board.swap(board.enabled(records(self._settings)))
        logs.configure(self._settings.log.level, self._settings.log.format)
        self._changed.set()  # the generation under way ends, and closes its own session
        if unused is not None:  # two reloads at once: this one never came to be used
            await unused.aclose()
        self._reload = health.Reload(successful=True, at=self._wall())
        log.info("reloaded")
        return ()

    async def _generations(self) -> None:
        """One after the other, until told to stop. Not cancelled, so that each ends in order."""
        while not self._stop.is_set():
            self._changed.clear()
            session = self._in_use = self._session
            ahead, self._ahead = self._ahead, None
            if ahead is not None and ahead.session is not session:  # a reload was quicker
                await ahead.drop()
                ahead = None
            generation = collect(
                session,
                self._settings,
                board=self._board,
                store=self._store,
                timetable=self._timetable,
                wall=self._wall,
                audit=self._audit,
                ahead=ahead,
                give_way=self._precedence.give_way,
            )
            try:
                await until(generation, self._changed, self._stop)
            finally:
                await session.aclose()

    async def _beat(self) -> None:
        while True:
            self._heartbeat = self._wall()
            await asyncio.sleep(_BEAT)

    async def _hang_ups(self) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            await self.reload()

    def _app(self) -> App:
        loop = asyncio.get_running_loop()
        return App(
            Parts(
                board=self._board,
                exposition=Exposition(self._board, self._live, loop.time, self._precedence),
                status=self._status,
                reload=self.reload,
                telemetry_path=self._started_with.web.telemetry_path,
                max_requests=lambda: self._settings.web.max_requests,
                precedence=self._precedence,
            )
        )

    def _vitals(self) -> health.Vitals:
        now = asyncio.get_running_loop().time()
        snapshot = self._board.snapshot
        return health.Vitals(
            build=self._build,
            reload=self._reload,
            heartbeat=self._heartbeat,
            records=snapshot.records,
            series={name: seen.series for name, seen in snapshot.fresh(now).items()},
            usage=self._session.usage.reading(),
            budget=self._session.budget.rate,
            token=self._session.keeper.status(),
            state_available=self._store.available,
            shard=self._settings.shard,
        )

    def _live(self) -> tuple[Measured, ...]:
        found = (*measure(health.FAMILIES, self._vitals()), *self._process.measured())
        if self._audit is None:
            return found
        return (*measure(audit_families.FAMILIES, self._audit.reading()), *found)

    def _status(self) -> Status:
        return portray(
            self._board.snapshot,
            self._vitals(),
            self._settings.api.url,
            self._started_with.web.telemetry_path,
            now=asyncio.get_running_loop().time(),
            wall=self._wall(),
            started=self._started,
            audit=auditing.portray(self._audit) if self._audit else None,
        )
