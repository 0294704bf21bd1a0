"""Virtual time: an event loop whose clock jumps to the next timer when there is nothing to do.

Days of a daemon pass in seconds, and a test that waits is exact rather than lucky. The ready
libraries jump also while a worker thread is busy, so that time-outs fire although nothing is
late; this daemon writes SQLite and renders in threads, hence this loop. It never jumps while

* something is ready to run, or
* a job handed to an executor has not come back, or
* a socket has something to say (looked at for real, without waiting).
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for real only as long as `patience` asks; otherwise moves the clock."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if self.loop.in_threads:
            # A thread will wake the loop through its self-pipe; the clock stands still meanwhile.
            return super().select(None)
        events = super().select(self.loop.GRACE if timeout is not None else None)
        if not events and timeout is not None:
            self.loop.jump(timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0 seconds. ``time()`` is virtual; ``wall()`` is the same as Unix time."""

    EPOCH = 1_800_000_000.0  # an instant in 2027: no test depends on the day it runs
    GRACE = 0.001
    """Seconds that a peer in another thread or process gets to say something before each jump. A
    loop without such peers has no need of it, and saves a minute and a half for each day."""

    _threads: ThreadPoolExecutor | None = None

    def __init__(self) -> None:
        self.in_threads = 0
        self._now = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def wall(self) -> float:
        """Unix seconds that go with the virtual clock; to be had in any thread."""
        return self.EPOCH + self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds

    def run_in_executor(  # type: ignore[override] # typeshed types it with TypeVarTuple
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        handed = _Handed(executor or self._usual())
        future = super().run_in_executor(handed, func, *args)
        # Only now, since an executor that was shut down refuses it; and until the job itself has
        # come back, which is after its future where whoever waited for that was cancelled.
        self.in_threads += 1
        handed.job.add_done_callback(self._came_back)
        return future

    async def shutdown_default_executor(self, *timeout: float) -> None:
        """The thread that joins the others is one more to wait for, and since 3.12 timed."""
        self.in_threads += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self.in_threads -= 1

    def _usual(self) -> Executor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(thread_name_prefix="asyncio")
            self.set_default_executor(self._threads)
        return self._threads

    def _came_back(self, _: "Future[Any]") -> None:
        """In the job's own thread, and after its result was sent to the loop."""
        with suppress(RuntimeError):  # the loop is closed, and waits for nothing any more
            self.call_soon_threadsafe(self._returned)

    def _returned(self) -> None:
        self.in_threads -= 1


class _Handed(Executor):
    """Passes a job on to an executor, and keeps it."""

    job: "Future[Any]"

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self.job = self._executor.submit(fn, *args, **kwargs)
        return self.job
