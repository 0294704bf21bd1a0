"""Which environments are in declared maintenance right now."""

from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from exporter.flatfile.models import Environment
from exporter.settings.maintenance import Maintenance, Window

_LARGEST = 1_048_576  # bytes; more is not a list of windows

log = structlog.get_logger()


def declared(settings: Maintenance) -> tuple[Window, ...]:
    """The windows of the configuration and of the file. Blocks: it reads the file.

    A file that is not there declares nothing. A line that cannot be read is left out and said:
    the others still hold, since a false alarm and a hidden loss are both worse than a log line.
    """
    found = list(settings.windows)
    if settings.file is not None:
        found += _lines(settings.file, lambda problem: _say(settings.file, problem))
    return tuple(found)


def covered(
    windows: Iterable[Window], environments: Iterable[Environment], now: float
) -> frozenset[str]:
    """The ids of the environments in maintenance at ``now`` (Unix seconds)."""
    held = tuple(windows)
    return frozenset(
        e.id for e in environments if any(window.covers(e.id, e.name, now) for window in held)
    )


def _lines(file: Path, complain: Callable[[str], None]) -> list[Window]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        complain(error.strerror or "cannot be read")
        return []
    if len(content) > _LARGEST:
        complain("is larger than 1 MiB")
        return []
    windows = []
    for number, text in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            try:
                windows.append(Window.parse(text))
            except ValueError as error:
                complain(f"line {number}: {error}")
    return windows


def _say(file: Path | None, problem: str) -> None:
    log.warning("maintenance_file_wrong", file=str(file), problem=problem)
