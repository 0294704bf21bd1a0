"""A virtual loop that measures how long each callback keeps it from turning."""

import gc
import threading
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any

from tests.support.loop import VirtualLoop

NOT_THEIRS = ("chaos", "emulator")
"""Tasks whose names begin so belong to the test: what they take is not the daemon's fault."""


class ChaosLoop(VirtualLoop):
    """The processor time of its thread, not the time of day: other programs' work is not ours.

    Nor is the collection of garbage, which goes through all that the test remembers.

    ``longest`` is the longest callback so far, in seconds, and ``longest_was`` what it was.
    """

    GRACE = 0.0  # everything happens in this process, and its threads are waited for

    def __init__(self) -> None:
        self.longest = 0.0
        self.longest_was = ""
        self._collected = self._collecting_since = 0.0
        super().__init__()
        gc.callbacks.append(self._collecting)

    def close(self) -> None:
        if self._collecting in gc.callbacks:
            gc.callbacks.remove(self._collecting)
        super().close()

    def call_soon(  # type: ignore[override] # typeshed types it with TypeVarTuple
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        return super().call_soon(self._timed, callback, *args, context=context)

    def call_at(  # type: ignore[override] # typeshed types it with TypeVarTuple
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        return super().call_at(when, self._timed, callback, *args, context=context)

    def call_soon_threadsafe(  # type: ignore[override] # typeshed types it with TypeVarTuple
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        return super().call_soon_threadsafe(self._timed, callback, *args, context=context)

    def _timed(self, callback: Callable[..., Any], *args: Any) -> None:
        began, collected = time.thread_time(), self._collected
        try:
            callback(*args)
        finally:
            spent = time.thread_time() - began - (self._collected - collected)
            if spent > self.longest and not (was := _named(callback)).startswith(NOT_THEIRS):
                self.longest, self.longest_was = spent, was

    def _collecting(self, phase: str, _: dict[str, int]) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if phase == "start":
            self._collecting_since = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting_since


def _named(callback: Callable[..., Any]) -> str:
    """The task that the callback is a step of, else the callback itself."""
    owner = getattr(callback, "__self__", None)
    name = getattr(owner, "get_name", None)
    return str(name()) if name else repr(callback)
