"""Durations as operators write them (``30s``, ``1h30m``) and as the program keeps them (seconds)."""

import re

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # in milliseconds

# Nine digits are 31 years in seconds; more would only make int() work hard for nothing.
_WRITTEN = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit}(?![a-z]))?" for unit in _UNITS))
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def seconds(text: str) -> float:
    """Read ``1d``, ``1h30m``, ``500ms``: each unit at most once, the larger first.

    Raises ValueError with a message for the operator.
    """
    if _NUMBER.fullmatch(text):
        number = text if len(text) <= 12 else "N"  # noqa: PLR2004 - long enough for any duration
        raise ValueError(
            f"{number} has no unit; write {number}s for seconds, {number}m for minutes"
        )
    match = _WRITTEN.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text[:60]!r} is not a duration; write one such as 30s, 5m, 1h30m or 1d")
    parts = zip(match.groups(), _UNITS.values(), strict=True)
    return sum(int(count) * size for count, size in parts if count) / 1000


def duration(seconds: float) -> str:
    """Write seconds as ``1h30m``, rounded to the millisecond; the inverse of `seconds`."""
    rest = round(seconds * 1000)
    written = ""
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"
