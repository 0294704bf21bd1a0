"""The signals of the process, while there is somebody to act on them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from signal import Signals


@contextmanager
def handled(
    handlers: Mapping[Signals, Callable[[], object]], came: Iterable[Signals]
) -> Iterator[None]:
    """Call them at their signals; at once for those that ``came`` before there was a daemon."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    for number in came:
        handlers[number]()
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
