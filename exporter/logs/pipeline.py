"""From a call of a logger, ours or a library's, to a line on the stream."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO

import structlog

from exporter.logs.redaction import redacted
from exporter.logs.rendering import Renderer, as_json, console, logfmt

_FRAMES = -16  # the innermost ones; a line should not be longer than a screen

Clock = Callable[[], datetime]

_LIBRARIES = logging.WARNING
"""What libraries may say. httpx would write each request's URL, query and all, at INFO."""


def _now() -> datetime:
    return datetime.now(UTC)


def configure(
    level: str = "info",
    format: str = "logfmt",  # noqa: A002 - the name of the setting
    stream: TextIO | None = None,
    clock: Clock = _now,
) -> None:
    """Send every log line to ``stream`` (standard error unless given); may be called again.

    ``level`` is the least severe that is written, ``format`` one of logfmt, json and console.
    Raises ValueError for another. The loggers of libraries go the same way, from warnings up.
    """
    stream = sys.stderr if stream is None else stream
    renderers: dict[str, Renderer] = {
        "logfmt": logfmt,
        "json": as_json,
        "console": partial(console, colours=stream.isatty()),
    }
    least = logging.getLevelNamesMapping().get(level.upper())
    if format not in renderers or least is None:
        raise ValueError(f"no log level {level!r} or no log format {format!r}")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _Line(clock, renderers[format]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_Writers(_Writer(stream)),
        # A cached logger would keep the configuration of before a reload.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge(_LIBRARIES))
    root.setLevel(max(_LIBRARIES, least))
    logging.captureWarnings(capture=True)


@dataclass(frozen=True)
class _Line:
    """The processor that makes the line: time, level and message first, then what was bound."""

    clock: Clock
    render: Renderer

    def __call__(self, logger: object, method: str, event_dict: MutableMapping[str, Any]) -> str:
        del logger  # the signature is structlog's
        fields = dict(event_dict)
        message = fields.pop("event", "")
        error = _error(fields.pop("exc_info", None))
        fields.pop("stack_info", None)
        time = self.clock().astimezone(UTC).isoformat(timespec="milliseconds")
        first = {
            "time": time.replace("+00:00", "Z"),
            "level": "error" if method == "exception" else method,
            "msg": redacted(message),
        }
        rest = {f"{key}_" if key in first else key: value for key, value in fields.items()}
        if error is not None:
            rest["exception"] = "".join(traceback.format_exception(error, limit=_FRAMES)).rstrip()
        return self.render({**first, **redacted(rest)})


def _error(exc_info: object) -> BaseException | None:
    """Find the exception among the forms that ``exc_info`` may have."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    elif exc_info and not isinstance(exc_info, BaseException):
        exc_info = sys.exc_info()[1]
    return exc_info if isinstance(exc_info, BaseException) else None


@dataclass
class _Writer:
    """The end of the pipeline, under the names of all levels."""

    stream: TextIO
    lock: threading.Lock = field(default_factory=threading.Lock)

    def msg(self, message: str) -> None:
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        text = f"{message}\n".encode(encoding, "backslashreplace").decode(encoding)
        try:
            with self.lock:
                self.stream.write(text)
                self.stream.flush()
        except (OSError, ValueError):
            # Whoever read the log is gone (a broken pipe, a closed stream, a full disk). The
            # metrics are worth more than the line, and there is nobody left to tell.
            return

    debug = info = warning = error = critical = exception = log = msg


@dataclass(frozen=True)
class _Writers:
    writer: _Writer

    def __call__(self, *_names: object) -> _Writer:
        return self.writer


class _Bridge(logging.Handler):
    """Hands the records of the standard library's loggers to our pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - the library's mistake; logging would print it raw
            message = "a message that could not be formatted"
        log = structlog.get_logger().bind(logger=record.name)
        log.log(_level(record.levelno), message, exc_info=record.exc_info)


def _level(number: int) -> int:
    """Round down to a level that structlog has a name for."""
    return max(level for level in (10, 20, 30, 40, 50) if level <= max(number, 10))
