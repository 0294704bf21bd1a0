"""Points in time as an operator writes them: ``2026-11-22``, ``2026-11-22T08:00Z``, ``7d``."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.settings.durations import duration, seconds

FORM = "ISO 8601 (2026-11-22, 2026-11-22T08:00:00Z; UTC unless it says otherwise) or an age (7d)"


@dataclass(frozen=True, slots=True)
class Moment:
    """Either ``at``, in Unix seconds, or so many seconds ``ago``."""

    at: float | None = None
    ago: float = 0.0

    @property
    def name(self) -> str:
        """The same each time it is written, also where it is an age."""
        return duration(self.ago) if self.at is None else f"{self.at:.3f}"

    def unix(self, now: float) -> float:
        """Unix seconds, as seen from ``now``."""
        return now - self.ago if self.at is None else self.at


def moment(text: str) -> Moment:
    """Read one; raises ArgumentTypeError, which argparse turns into its message."""
    try:
        return Moment(ago=seconds(text))
    except ValueError:
        pass  # it is no age; then it has to be a date
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a point in time; write {FORM}"
        ) from None
    return Moment(at=(read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
