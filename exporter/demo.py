"""``demo``: the daemon against an emulated account that it starts itself on loopback."""

import errno
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from random import Random

from exporter import logs
from exporter.app.daemon import Daemon
from exporter.app.start import spare_the_loop
from exporter.emulator import DEMO, Emulator, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.emulator.server import serve
from exporter.settings import Loaded

PORT = 10_043
"""Of the emulated account; another one if this is taken."""

_QUICK = {
    "COLLECTOR_ENVIRONMENTS_INTERVAL": "10s",
    "COLLECTOR_AGENTS_INTERVAL": "5s",
    "COLLECTOR_SPACES_INTERVAL": "15s",
    "COLLECTOR_USERS_INTERVAL": "30s",
    "COLLECTOR_GUESTS_INTERVAL": "2m",
    "COLLECTOR_EVENTS_INTERVAL": "5s",
    "COLLECTOR_EXECUTIONS": "true",
    "COLLECTOR_EXECUTIONS_INTERVAL": "15s",
    "API_REQUESTS_PER_SECOND": "50",
    "STORAGE_PATH": "none",
    "LOG_FORMAT": "console",
}
_PREFIX = "FLATFILE_EXPORTER_"
_REAL = tuple(_PREFIX + name for name in ("AUTH_", "API_URL", "API_REGION"))


def environment(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment to configure from: quick intervals, unless something else was said.

    The credential and the address of a real account are never used by the demo.
    """
    own = {name: value for name, value in environ.items() if not name.startswith(_REAL)}
    return {
        **{_PREFIX + name: value for name, value in _QUICK.items()},
        **own,
        f"{_PREFIX}API_URL": f"{url}/api/v1",
        f"{_PREFIX}AUTH_CLIENT_ID": CLIENT_ID,
        f"{_PREFIX}AUTH_CLIENT_SECRET": SECRET,
    }


async def run(
    load: Callable[[Mapping[str, str]], Loaded],
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Serve until told to stop. Raises ConfigurationError."""
    emulator = Emulator(World(DEMO))
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(serve(emulator, PORT))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            url = await stack.enter_async_context(serve(emulator))
        known = environment(url, environ)
        loaded = load(known)
        logs.configure(loaded.settings.log.level, loaded.settings.log.format)
        daemon = Daemon(loaded, lambda: load(known), wall=time.time, rng=Random())
        daemon.listen()
        base = f"{daemon.server.scheme}://localhost:{daemon.server.addresses[0][1]}"
        say(f"The exporter           {base}/")
        say(f"Its metrics            {base}{loaded.settings.web.telemetry_path}")
        say(f"The emulated account   {url}/_control/   (take an agent away, and watch)")
        say("Stop with ctrl-C.")
        spare_the_loop()
        await daemon.run()
