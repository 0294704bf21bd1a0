"""When a file of lines is rotated, what it is called then, and which ones are kept.

``audit.jsonl`` becomes ``audit.jsonl.20261122T112700.123456Z`` and a new ``audit.jsonl`` begins:
what tails files follows a renamed one to its end and opens the new one (Vector, Fluent Bit,
Promtail and Filebeat tell files apart by device and inode or by their first lines, and the first
line of each file here is another one). A pattern that matches both names is as good as one that
matches the first only.
"""

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path

_FORM = "%Y%m%dT%H%M%S.%fZ"
_STAMP = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """``max_size`` in bytes, ``max_age`` in seconds; ``keep`` rotated files, or 0 for all.

    The age is reckoned in whole periods since 1970 UTC, so that a day is a day: no file holds
    lines of two of them. It needs no memory of when a file was begun, which no file system keeps
    in a way that survives a restart.
    """

    max_size: int
    max_age: float
    keep: int

    def due(self, *, size: int, written: float, now: float) -> bool:
        """Whether a file of ``size`` bytes, last ``written`` then, is to be rotated before more."""
        if size == 0:
            return False
        return size >= self.max_size or now // self.max_age > written // self.max_age

    def surplus(self, rotated: list[Path]) -> list[Path]:
        """Those to remove of the rotated files, which are given oldest first."""
        return rotated[: -self.keep] if self.keep else []


def rotated(path: Path) -> list[Path]:
    """The rotated files of ``path``, oldest first. Raises OSError."""
    return sorted(p for p in path.parent.iterdir() if _moment(path, p) is not None)


def next_name(path: Path, before: list[Path], now: float) -> Path:
    """What ``path`` becomes; sorts after those ``before``, also if the clock was set back."""
    moment = datetime.fromtimestamp(now, UTC)
    newest = _moment(path, before[-1]) if before else None
    if newest is not None:
        moment = max(moment, newest + timedelta(microseconds=1))
    return path.with_name(f"{path.name}.{moment.strftime(_FORM)}")


def _moment(path: Path, rotated: Path) -> datetime | None:
    """When ``path`` was given that name; None if it is none of ours."""
    stamp = rotated.name.removeprefix(f"{path.name}.")
    if stamp == rotated.name or not _STAMP.fullmatch(stamp):
        return None
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:  # 31 February
        return None
    return moment if moment.year < MAXYEAR else None  # nothing could sort after that
