"""The one mutable cell: what every collector last saw, and how its rounds went.

A round replaces the whole immutable snapshot; a scrape, the page for people and readiness read
one. Ages are measured on the monotonic clock of the loop, so that a jump of the wall clock
neither drops nor keeps anything; the points in time that are shown are wall-clock time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from exporter.errors import REASONS, RoundError
from exporter.families import Measured, confine


def _no_failures() -> Mapping[str, int]:
    return dict.fromkeys(REASONS, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How the rounds of one collector went. Times in Unix seconds, durations in seconds."""

    interval: float
    retain: float
    essential: bool = False
    rounds: int = 0
    failures: Mapping[str, int] = field(default_factory=_no_failures)
    succeeded: bool | None = None
    truncated: bool | None = None
    duration: float | None = None
    lateness: float | None = None
    """Of the newest round: how long after its due time it began."""
    last_attempt: float | None = None
    last_success: float | None = None
    problem: str | None = None
    problem_since: float | None = None
    plan: str = ""
    """In words, how the collector asks (``account-wide``, ``environment by environment``)."""
    hints: int | None = None
    """Environments asked again because of an event; None where the collector cannot do that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one collector last saw. ``at`` is the loop's time, in seconds."""

    at: float
    data: object
    whole: tuple[Measured, ...]
    shown: tuple[Measured, ...]
    """``whole`` without the environments that are gone from the account."""

    @property
    def series(self) -> int:
        return sum(len(family.samples) for family in self.shown)

    def parts(self) -> list[object]:
        """What makes it large, and then itself; see :mod:`exporter.disposal`."""
        return [*self.whole, *self.shown, self.data, self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Records of the collectors that are switched on, by name, in the order of the catalogue."""

    records: Mapping[str, Record]
    readings: Mapping[str, Reading] = field(default_factory=dict)
    environments: frozenset[str] | None = None
    """Ids of the environments that exist; None until they have been listed."""

    def fresh(self, now: float) -> dict[str, Reading]:
        """The readings within the retention bound at ``now`` (loop time, seconds)."""
        return {
            name: self.readings[name]
            for name, record in self.records.items()
            if name in self.readings and now - self.readings[name].at <= record.retain
        }

    def waiting_for(self) -> tuple[str, ...]:
        """Essential collectors that have not had a complete round yet."""
        return tuple(
            name
            for name, record in self.records.items()
            if record.essential and record.last_success is None
        )


class Board:
    """Holds one snapshot. Used from the loop's thread only."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(records={})

    def swap(self, change: Callable[[Snapshot], Snapshot]) -> None:
        self.snapshot = change(self.snapshot)


def enabled(records: Mapping[str, Record]) -> Callable[[Snapshot], Snapshot]:
    """Exactly these collectors are on: what others had seen goes, what these had seen stays."""

    def change(old: Snapshot) -> Snapshot:
        kept = {
            name: replace(
                old.records[name],
                interval=record.interval,
                retain=record.retain,
                essential=record.essential,
            )
            if name in old.records
            else record
            for name, record in records.items()
        }
        readings = {name: seen for name, seen in old.readings.items() if name in kept}
        return replace(old, records=kept, readings=readings)

    return change


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one round. ``now`` is loop time; ``started`` and ``ended`` are wall-clock time."""

    now: float
    started: float
    ended: float
    duration: float
    lateness: float = 0.0
    data: object = None
    measured: tuple[Measured, ...] | None = None
    """None if the round saw nothing new: the last good reading stays and ages."""
    environments: frozenset[str] | None = None
    truncated: bool = False
    plan: str = ""
    error: RoundError | None = None


def ended(name: str, outcome: Outcome) -> Callable[[Snapshot], Snapshot]:
    """Record a round, take its reading over, and confine all readings to what still exists."""

    def change(old: Snapshot) -> Snapshot:
        if name not in old.records:  # switched off by a reload while its round was under way
            return old
        records = {**old.records, name: _record(old.records[name], outcome)}
        known = old.environments if outcome.environments is None else outcome.environments
        readings = dict(old.readings)
        if outcome.measured is not None:
            readings[name] = Reading(
                at=outcome.now, data=outcome.data, whole=outcome.measured, shown=outcome.measured
            )
        if known is not None:
            # All of them only where the environments changed: with many series this takes long.
            changed = readings if known != old.environments else readings.keys() & {name}
            readings = {
                of: _confined(reading, known) if of in changed else reading
                for of, reading in readings.items()
            }
        return Snapshot(records=records, readings=readings, environments=known)

    return change


def amended(
    name: str, data: object, measured: tuple[Measured, ...], hints: int
) -> Callable[[Snapshot], Snapshot]:
    """Take over what was asked again between two rounds, about so many environments.

    The reading keeps its age: all the rest of it is as old as it was.
    """

    def change(old: Snapshot) -> Snapshot:
        if name not in old.records or name not in old.readings:
            return old
        record = old.records[name]
        reading = replace(old.readings[name], data=data, whole=measured, shown=measured)
        if old.environments is not None:
            reading = _confined(reading, old.environments)
        return replace(
            old,
            records={**old.records, name: replace(record, hints=(record.hints or 0) + hints)},
            readings={**old.readings, name: reading},
        )

    return change


def _confined(reading: Reading, known: frozenset[str]) -> Reading:
    shown = confine(reading.whole, known)
    if shown == reading.shown:  # keeps the identity, and with it what was rendered
        return reading
    return replace(reading, shown=shown)


def _record(old: Record, outcome: Outcome) -> Record:
    new = replace(
        old,
        rounds=old.rounds + 1,
        duration=outcome.duration,
        lateness=outcome.lateness,
        last_attempt=outcome.started,
        succeeded=outcome.error is None,
        plan=outcome.plan or old.plan,
    )
    if outcome.measured is not None:
        new = replace(new, truncated=outcome.truncated)
    if outcome.error is None:
        return replace(new, last_success=outcome.ended, problem=None, problem_since=None)
    reason = outcome.error.reason
    return replace(
        new,
        failures={**old.failures, reason: old.failures[reason] + 1},
        problem=str(outcome.error),
        problem_since=old.problem_since if old.problem else outcome.ended,
    )
