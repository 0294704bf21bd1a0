"""The sink ``stdout``: JSON lines for whatever collects what a container writes.

A pipe that nobody empties must stop neither the loop nor the end of the process, and standard
output must not be made non-blocking: that would hold for standard error, too, where they are the
same pipe or terminal (fcntl(2): the flag belongs to the open file description). Therefore a thread
asks whether there is room, and then writes no more than a pipe with room takes without waiting.
"""

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from exporter.audit.record import Entry
from exporter.audit.sinks.contract import NONE, Line, Rejected
from exporter.audit.sinks.progress import Progress
from exporter.errors import SinkUnavailable

_LOOK = 200  # milliseconds between two looks at whether to stop
_STDOUT = 1


def _nothing() -> None:
    """What a thread does when it has nothing left to do."""


class _Stopped(Exception):
    """Nobody waits for this send any more. Seen by nobody, for that reason."""


class StdoutSink:
    """Acknowledges what the pipe took: more can nobody know of it."""

    name = "stdout"
    reasons: Collection[str] = ()

    def __init__(self, line: Line, descriptor: int = _STDOUT) -> None:
        """Nothing else may write to ``descriptor``; it is not closed."""
        self._line = line
        self._descriptor = descriptor
        self._progress = Progress()
        self._rest = b""
        self._begun: Sequence[Entry] = ()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit-stdout")

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        """A reader that is gone is SinkUnavailable: the records wait in the store, and that is told.

        To end the process, as most programs do then, would end the metrics and the feed as well.
        """
        loop = asyncio.get_running_loop()
        stop = threading.Event()
        try:
            await loop.run_in_executor(self._thread, self._write, tuple(entries), stop)
        finally:
            stop.set()  # the thread of a send that was cut off must not wait for ever
        return NONE

    async def aclose(self) -> None:
        # A send that was cut off ends soon, and must not write to whatever the number is then.
        await asyncio.get_running_loop().run_in_executor(self._thread, _nothing)
        self._thread.shutdown(wait=False)

    def _write(self, entries: Sequence[Entry], stop: threading.Event) -> None:
        try:
            self._put(self._rest, stop)  # the end of a line that was begun, lest two become one
            self._progress.took(self._begun)
            for entry in self._progress.lacking(entries):
                self._begun = (entry,)
                self._put(self._line(entry) + b"\n", stop)
                self._progress.took(self._begun)
            with contextlib.suppress(OSError):  # a pipe or a terminal has nothing to sync
                os.fsync(self._descriptor)
        except OSError as error:
            self._begun = ()  # whoever reads next may not have its beginning
            raise SinkUnavailable(
                f"standard output cannot be written: {error.strerror}; something has to read it,"
                " or switch audit.sink.stdout off"
            ) from error
        self._begun = ()
        self._progress.finish(entries)

    def _put(self, data: bytes, stop: threading.Event) -> None:
        """Write all of it; what is left after an error or a stop is the rest."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        self._rest = data
        while self._rest:
            if stop.is_set():
                raise _Stopped
            if poll.poll(_LOOK):
                written = os.write(self._descriptor, self._rest[: select.PIPE_BUF])
                self._rest = self._rest[written:]
