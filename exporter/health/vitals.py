"""One moment of the exporter itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.board import Record
from exporter.flatfile.token import TokenStatus
from exporter.flatfile.usage import UsageReading
from exporter.settings import Shard


@dataclass(frozen=True, slots=True)
class Build:
    """``revision`` is the commit this was built from, ``unknown`` outside an image."""

    version: str
    revision: str
    python_version: str


@dataclass(frozen=True, slots=True)
class Reload:
    """How the newest reading of the configuration went; ``at`` (Unix seconds) of the last good."""

    successful: bool
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the families of :mod:`exporter.health.families` measure.

    ``series`` counts by collector. ``heartbeat`` is when the event loop last turned, in Unix
    seconds; ``state_available`` is None before the embedded state was first needed.
    """

    build: Build
    reload: Reload
    heartbeat: float
    records: Mapping[str, Record]
    series: Mapping[str, int]
    usage: UsageReading
    budget: float
    token: TokenStatus
    state_available: bool | None
    shard: Shard
