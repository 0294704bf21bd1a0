"""The listener, and what it answers before there is a daemon.

What the daemon stands on takes longer to import than a first answer may take. So the settings
come first, then the listener, and all the rest while it answers already.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from importlib import import_module

from exporter.settings import Settings
from exporter.web.activation import inherited
from exporter.web.answers import Answer, plain, reply
from exporter.web.asgi import Application, Receive, Scope, Send
from exporter.web.server import Server

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HEALTHY, _READY = ("/-/healthy", "/healthz", "/livez"), ("/-/ready", "/readyz")


class Front:
    """``listen``, then ``start``; what the daemon answers takes the place of this by ``hand_over``.

    Until then it says that it is healthy and not ready; a scrape gets what the exporter knows of
    itself, and everything else waits.
    """

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], wall: Callable[[], float]
    ) -> None:
        """Open nothing yet. Raises ConfigurationError for a bad web configuration file.

        Build it with a loop running. ``wall`` gives Unix seconds.
        """
        self._web = settings.web
        self._shard = settings.shard
        self._environ = environ
        self._wall = wall
        self._started = wall()
        self._serving = False
        self.signals: set[signal.Signals] = set()
        """Those that came since the start, for the daemon to act on."""
        self.guard = None
        if settings.web.config_file is not None:
            from exporter.web.guard.guard import Guard  # noqa: PLC0415 - 40 ms, for a few

            self.guard = Guard(settings.web.config_file)
        self._app: Application | None = None
        self._complete = asyncio.Event()
        self.server = Server(self, guard=self.guard)

    def listen(self) -> None:
        """Open the listener: who connects waits for ``start``. Raises ConfigurationError."""
        if self._web.systemd_socket:
            self.server.adopt(inherited(self._environ, os.getpid()))
        else:
            self.server.bind(self._web.listen_address)

    async def start(self) -> None:
        """Answer from now on, and hold back the signals. Does nothing the second time."""
        if self._serving:
            return
        self._serving = True
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.signals.add, number)
        await self.server.start()

    async def bring(self, module: str) -> None:
        """Import it while answers are given: in a thread, which holds the loop for 5 ms at most."""
        await asyncio.get_running_loop().run_in_executor(None, import_module, module)

    def hand_over(self, app: Application) -> None:
        """From now on ``app`` answers everything, to those who waited as well."""
        self._app = app
        self._complete.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        answer = None if self._app or scope["type"] != "http" else await self._answer(scope)
        if answer is not None:
            await reply(answer, send, body=scope["method"] != "HEAD")
            return
        await self._complete.wait()
        if self._app is not None:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope) -> Answer | None:
        """What needs no daemon."""
        path = scope["path"]
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        if path in _HEALTHY:
            return plain("The exporter is healthy.")
        if path in _READY:
            return plain("The exporter is starting.", 503)
        if path == self._web.telemetry_path and not scope["query_string"]:
            # Only who scrapes this early waits for it.
            from exporter.app.prologue import metrics  # noqa: PLC0415 - 60 ms, for nobody else

            return await metrics(scope, shard=self._shard, started=self._started, now=self._wall())
        return None
