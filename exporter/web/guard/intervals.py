"""Durations as Go writes them (``1s``, ``1m30s``, ``1.5h``), as the toolkit reads them."""

import re

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(rf"([0-9]{{1,12}}(?:\.[0-9]{{1,12}})?)({'|'.join(_UNITS)})(?![a-zµμ])")


def seconds(text: str) -> float:
    """Raise ValueError with a message for the operator. ``0`` needs no unit.

    A negative one would switch the limiter off in the toolkit, and a bare number would mean
    nanoseconds there: neither is what anybody wants, so both are refused.
    """
    if text == "0":
        return 0.0
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError("is not a duration; write one such as 500ms, 1s or 1m30s, or 0 for none")
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
