"""Points in time: Unix seconds inside the emulator, ISO-8601 on the wire.

The wire form has milliseconds and a `Z` (the API notes, section 4).
"""

from datetime import UTC, datetime
from email.utils import format_datetime

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_or_none(at: float | None) -> str | None:
    return None if at is None else iso(at)


def rfc1123(at: float) -> str:
    """One of the two forms in which `expires` of POST /auth was seen (section 3.2)."""
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)


def parse(text: str) -> float:
    """Unix seconds of an ISO-8601 text; one without an offset is UTC. ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
