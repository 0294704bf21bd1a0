"""Tells systemd how this program is: sd_notify(3), over the datagram socket NOTIFY_SOCKET.

Where nobody listens, nothing happens. Nothing here raises or waits: the metrics are worth more
than the message, and a watchdog that hears nothing acts by itself.
"""

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

_MICRO = 1_000_000


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """``address`` is where it hears us, None if it does not; ``watchdog`` in seconds, None if off."""

    address: str | None = None
    watchdog: float | None = None
    _deaf: bool = field(default=False, init=False)

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> "Supervisor":
        """What systemd left for us; ``pid`` is ours, for the watchdog may be meant for a parent."""
        path = environ.get("NOTIFY_SOCKET", "")
        # Anything else than a path or an abstract name (vsock:…) is for virtual machines.
        address = path if path[:1] in {"/", "@"} else None
        limit = environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        on = address is not None and meant and limit.isdecimal() and int(limit) > 0
        return cls(address=address, watchdog=int(limit) / _MICRO if on else None)

    def ready(self, status: str) -> None:
        """Started, or in order again after a reload. ``status`` is one line for people."""
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """``ready`` must follow, whether the reload was good or not (``Type=notify-reload``)."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> None:
        self._tell("STOPPING=1", _status("Stopping."))

    async def watch(self) -> None:
        """Say that the event loop turns, twice in the watchdog's time, until cancelled.

        It has to be a task of that loop: a loop that is stuck says nothing, and systemd restarts
        the program. Returns at once if nobody watches.
        """
        while self.watchdog is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)

    def _tell(self, *lines: str) -> None:
        if self.address is None:
            return
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
                one.setblocking(False)
                one.sendto("\n".join(lines).encode(), name)
        except OSError as error:
            if not self._deaf:
                log = structlog.get_logger()
                log.warning("systemd_does_not_hear", said=lines[0], reason=error.strerror)
            self._deaf = True
        else:
            self._deaf = False


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"
