"""In which order the daemon comes up: settings, listener, everything else."""

import gc
import re
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from random import Random

from exporter.app.front import Front
from exporter.settings.loading import Loaded

_TURN = 0.0001  # seconds
_ARENAS = "MALLOC_ARENA_MAX"
_M_ARENA_MAX = -8  # malloc.h of glibc
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?")
_HOSTS = re.compile(r"[A-Za-z0-9., -]*")


async def serve(loaded: Loaded, reread: Callable[[], Loaded], environ: Mapping[str, str]) -> None:
    """Serve until told to stop. Raises ConfigurationError, with nothing opened."""
    loaded.settings.require_credential()
    early, ahead, rng = settled(loaded, environ), None, Random()
    if loaded.settings.web.config_file is not None:  # there is something to say of it at once
        _configure_logs(loaded)
    front = Front(loaded.settings, environ, time.time)
    if early:
        front.listen()
        await front.start()
    share_memory(environ)
    if early:
        sys.setswitchinterval(_TURN)  # what is answered meanwhile does not wait for the imports
        await front.bring("exporter.app.ahead")
        _configure_logs(loaded)
        from exporter.app.ahead import ask_ahead  # noqa: PLC0415 - 200 ms: after the first answer

        ahead = ask_ahead(loaded.settings, rng)
        await front.bring("exporter.app.daemon")
    else:
        _configure_logs(loaded)
    from exporter.app.daemon import Daemon  # noqa: PLC0415 - 300 ms: after the first answer

    try:
        daemon = Daemon(
            loaded, reread, wall=time.time, rng=rng, environ=environ, front=front, ahead=ahead
        )
    except BaseException:
        if ahead is not None:
            await ahead.drop()
        raise
    if not early:
        daemon.listen()
    spare_the_loop()
    await daemon.run()


def share_memory(environ: Mapping[str, str]) -> None:
    """Let all threads take memory from one place. Call it before there is a second one.

    glibc gives a part of its own to each thread, with what is free in it out of reach of the others
    (mallopt(3), M_ARENA_MAX; what MALLOC_ARENA_MAX says, counts). Nothing is lost by it: the threads
    here hold the interpreter's lock nearly all the time. Elsewhere than on glibc it does nothing.
    """
    import ctypes  # noqa: PLC0415 - 3 ms: after the first answer

    if _ARENAS not in environ and hasattr(libc := ctypes.CDLL(None), "gnu_get_libc_version"):
        libc.mallopt(_M_ARENA_MAX, 1)


def spare_the_loop() -> None:
    """Let neither the garbage collector nor another thread hold up the event loop for long.

    What is there by now stays to the end: out of the collector's sight, a full collection takes
    1 ms instead of 35. A thread that measures or renders gives the interpreter back after a tenth
    of a millisecond instead of five, as soon as the loop asks for it.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_TURN)


def _configure_logs(loaded: Loaded) -> None:
    from exporter import logs  # noqa: PLC0415 - 20 ms, before which there is nothing to say

    logs.configure(loaded.settings.log.level, loaded.settings.log.format)


def settled(loaded: Loaded, environ: Mapping[str, str]) -> bool:
    """Whether nothing that is loaded later can find this configuration wrong.

    The HTTP client judges addresses, proxies and certificates, the audit log its packages. A
    wrong one has to end the program before anything is opened, so that whatever is not plainly
    right is shown to them first, and the listener comes after.
    """
    api = loaded.settings.api
    lower = {name.lower(): value for name, value in environ.items()}
    proxies = [lower[name] for name in _PROXIES if lower.get(name)]
    plain = api.url.startswith("http:") and not proxies  # no TLS: nobody reads certificates
    return (
        not loaded.settings.audit.enabled
        and api.ca_file is None
        and all(map(_URL.fullmatch, [api.url, *proxies]))
        and _HOSTS.fullmatch(lower.get("no_proxy", "")) is not None
        and (plain or _certificates(environ.get("SSL_CERT_FILE")))
    )


def _certificates(path: str | None) -> bool:
    """Whether the file can be used, if there is one. Takes 30 ms for those of a whole system."""
    if not path:
        return True
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:
        return False
    return True
