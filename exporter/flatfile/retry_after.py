"""The header ``Retry-After`` (RFC 9110, section 10.2.3), as generously as it is safe."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Seconds. A mistaken or hostile header must not silence the exporter for a day."""

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_WEEKDAY = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?", re.IGNORECASE
)
_READ = 1000  # characters of a line; parsing more would only be work for whoever sent it


def retry_after(lines: Iterable[str], now: float, date: str = "") -> float | None:
    """The longest wait that any of the header's lines asks for; None if none makes sense.

    ``now`` is Unix seconds by our clock. ``date`` is the answer's header of that name: a moment is
    the server's, and so is counted from what the server calls now, if it says so.

    Proxies repeat the header or join it into a list, although the RFC allows one value; a date in
    a list contains a comma itself.
    """
    now = next(_moment(date[:_READ]), now)
    waits = [
        wait for line in lines for value in _values(line[:_READ]) for wait in _wait(value, now)
    ]
    return min(max(0.0, *waits), LONGEST) if waits else None


def _values(line: str) -> Iterator[str]:
    parts = iter(part.strip() for part in line.split(","))
    for part in parts:
        # "Sun, 06 Nov 1994 08:49:37 GMT": the weekday says nothing that its date does not say.
        yield next(parts, "") if _WEEKDAY.fullmatch(part) else part


def _wait(value: str, now: float) -> Iterator[float]:
    if _SECONDS.fullmatch(value):
        yield float(value)
        return
    for moment in _moment(value):
        yield moment - now


def _moment(value: str) -> Iterator[float]:
    try:
        moment = parsedate_to_datetime(value)
        yield (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return  # the library's parser promises ValueError only, and raises the others too
