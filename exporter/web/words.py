"""Numbers and times as people say them."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

UNKNOWN = "unknown"

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_SHORT = 10.0


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listing(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = words or ("nothing",)
    return f"{', '.join(most)} and {last}" if most else last


def duration(seconds: float) -> str:
    """The two largest units: ``2 days 3 hours``, ``45 seconds``, ``0.31 seconds``."""
    if not math.isfinite(seconds):
        return UNKNOWN
    if 0 <= seconds < _SHORT and seconds != int(seconds):
        return f"{seconds:.2f} seconds"
    left, parts = round(abs(seconds)), []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        parts.append(count(number, unit) if number else "")
    start = next((at for at, part in enumerate(parts) if part), len(parts))
    return " ".join(part for part in parts[start : start + 2] if part) or "0 seconds"


def distance(then: float, now: float) -> str:
    """``3 minutes ago``, ``in 5 hours``, ``just now``. Unix seconds."""
    if not math.isfinite(then - now):
        return UNKNOWN
    if abs(then - now) < 1:
        return "just now"
    text = duration(round(abs(then - now)))
    return f"in {text}" if then > now else f"{text} ago"


def moment(then: float) -> str:
    """UTC, by RFC 3339, to the second; ``unknown`` for what no calendar has."""
    try:
        return datetime.fromtimestamp(then, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return UNKNOWN
