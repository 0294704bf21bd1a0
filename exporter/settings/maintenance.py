"""Declared maintenance: which environment, and until when.

A window is written ``ENVIRONMENT UNTIL``: the name or the id of an environment, and a point in
time. The end is not optional, so that a forgotten maintenance ends.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from exporter.settings.kinds import Kind, line, quoted
from exporter.settings.paths import FileName
from exporter.settings.places import several
from exporter.settings.section import Section


@dataclass(frozen=True, slots=True)
class Window:
    """``environment`` is a name or an id; ``until`` is Unix seconds."""

    environment: str
    until: float

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read ``staging 2026-11-22T12:00:00Z``; a name may hold spaces. Raises ValueError."""
        environment, _, end = line(text.strip()).rpartition(" ")
        try:
            moment = datetime.fromisoformat(end)
            until = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            # Before the year 1 or after 9999 in UTC it could not be shown again: ValueError.
            datetime.fromtimestamp(until, UTC)
        except ValueError:
            until = None
        if not environment.strip() or until is None:
            raise ValueError(
                f"{quoted(text)} is not an environment and the end of its maintenance;"
                " write one such as 'staging 2026-11-22T12:00:00Z'"
            )
        return cls(environment.strip(), until)

    def covers(self, environment_id: str, name: str, now: float) -> bool:
        return self.environment in {environment_id, name} and now < self.until

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.until, UTC).isoformat().replace("+00:00", "Z")
        return f"{self.environment} {moment}"


class Windows(Kind):
    """Maintenance windows."""

    repeatable = True
    separator = ","

    @property
    def metavar(self) -> str:
        return "WINDOW"

    @property
    def form(self) -> str:
        return "an environment and the end of its maintenance"

    def read(self, raw: object) -> tuple[Window, ...]:
        return tuple(Window.parse(part) for text in several(raw) for part in text.split(","))

    def show(self, value: Any) -> str:
        return ",".join(str(window) for window in value)


class Maintenance(Section):
    """Environments whose agents may be missing for a while without anybody being told."""

    windows: Annotated[tuple[Window, ...], Windows()] = ()
    """Environments in maintenance, each with its end: `staging 2026-11-22T12:00:00Z`, by name or
    id. Separated by commas, or by giving the flag again. Takes effect at a reload."""

    file: Annotated[Path | None, FileName()] = None
    """File with one such window a line, `#` for comments, that a deploy pipeline can write and
    remove. Read in each round of the collector of environments."""
