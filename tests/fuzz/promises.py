"""What no target may see, and what several of them look for."""

import contextlib
import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import structlog
from pydantic_core.core_schema import ErrorType

from tests.support.loop import VirtualLoop

_ROOT = Path(__file__).parents[2] / "exporter"
_SHORTEST = 6  # letters of a word that says something
_WORD = re.compile(rf"\w{{{_SHORTEST},}}")
_SERVERS = "exporter.web.exchange"


class Alone(VirtualLoop):
    """For what has no peer but itself: no time is given to others, and thousands run a second."""

    GRACE = 0.0


class Broken(AssertionError):
    """A promise is broken. The only exception that a target may raise."""


def hold(kept: object, promise: str) -> None:
    """Raise Broken unless it is kept."""
    if not kept:
        raise Broken(promise)


def silent(told: Iterable[str], secret: Iterable[str], promise: str) -> None:
    """Nothing of what must not be repeated stands in what was told to people."""
    lines = tuple(told)
    for word in secret:
        hold(not any(word in line for line in lines), f"{promise}: {word!r} in {lines!r}")


def words(content: bytes) -> set[str]:
    """Those of an answer that none of our own messages can have: what it says, and we must not."""
    found = set(_WORD.findall(content.decode("utf-8", "replace")))
    return {word for word in found if word not in _own() and not word.isdecimal()}


@cache
def _own() -> frozenset[str]:
    """The words of our own source, pydantic's names of what can be wrong, and all parts of them."""
    floors = ("errors.py", "flatfile/*.py", "settings/*.py", "web/guard/*.py")
    files = (path for floor in floors for path in _ROOT.glob(floor))
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return frozenset(
        word[begin:end]
        for word in {*_WORD.findall(text), *get_args(ErrorType)}
        for begin in range(len(word) - _SHORTEST + 1)
        for end in range(begin + _SHORTEST, len(word) + 1)
    )


@contextlib.contextmanager
def overheard() -> Iterator[list[str]]:
    """Every line that is logged meanwhile, by us or by the HTTP server, at any level."""
    lines: list[str] = []

    def take(_logger: object, method: str, event: structlog.typing.EventDict) -> str:
        lines.append(f"{method} {event!r}")
        raise structlog.DropEvent

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.levelname} {record.getMessage()} {record.exc_info!r}")

    before, ear = structlog.get_config(), Ear()
    server = logging.getLogger(_SERVERS)
    propagated, server.propagate = server.propagate, False
    # In place: the loggers of modules hold this very list.
    processors = before["processors"]
    kept = processors[:]
    processors[:] = [take]
    server.addHandler(ear)
    try:
        yield lines
    finally:
        processors[:] = kept
        server.removeHandler(ear)
        server.propagate = propagated
