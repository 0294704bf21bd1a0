"""Times as records give them: ISO 8601, UTC, whole milliseconds."""

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RESTS = tuple(f".{rest:03d}Z" for rest in range(1000))
_SHARE = 0.001  # ms; a double before _FAR is off by less, and a real difference is more
_FAR = 2.0**42  # ms, the year 2109


def milliseconds(at: float) -> int:
    """Unix seconds as whole milliseconds, cut rather than rounded: never later than it was."""
    exact = at * 1000
    # Once for each record: what is far away is told by one comparison.
    return math.floor(exact + (_SHARE if abs(exact) < _FAR else 2 * math.ulp(exact)))


def quantized(at: float) -> float:
    """Unix seconds without what is finer than a millisecond."""
    return milliseconds(at) / 1000


def iso(at: float) -> str:
    """``2027-01-15T08:00:00.123Z``. Raises OverflowError outside the years 1 to 9999."""
    return iso_of(milliseconds(at))


def iso_of(milliseconds: int) -> str:
    """As :func:`iso`, of Unix milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    return _second(seconds) + _RESTS[rest]


def unix(text: str) -> float:
    """Unix seconds of what :func:`iso` wrote. Raises ValueError."""
    since = datetime.fromisoformat(text) - _EPOCH
    return (since // timedelta(milliseconds=1)) / 1000


@lru_cache(maxsize=4096)  # events come by the thousand within a few seconds
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:-6]
