"""What a reload can change, and what only a restart can."""

from exporter.settings.catalogue import SETTINGS
from exporter.settings.model import Settings


def restart_needed(old: Settings, new: Settings) -> tuple[str, ...]:
    """Name the settings that differ and that the running program cannot take over."""
    return tuple(s.name for s in SETTINGS if s.at_restart and s.value(old) != s.value(new))
