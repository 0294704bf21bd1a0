"""What the page for people shows, as plain data: the composition root fills it.

Times are Unix seconds, durations seconds. None means not known, and is shown as such.
"""

from dataclasses import dataclass

from exporter.board import Record, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """``series`` is None while nothing of the collector is on /metrics."""

    name: str
    interval: float
    essential: bool = False
    rounds: int = 0
    failures: int = 0
    series: int | None = None
    duration: float | None = None
    lateness: float = 0.0
    last_attempt: float | None = None
    last_success: float | None = None
    problem: str | None = None
    problem_since: float | None = None
    truncated: bool = False
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentStatus:
    id: str
    name: str
    production: bool = False
    agents: int | None = None
    system_agents: int | None = None
    agent_last_seen: float | None = None
    """When it was last seen to have an agent; None if never."""
    spaces: int | None = None
    archived_spaces: int | None = None
    expired_spaces: int | None = None
    guests: int | None = None
    maintenance: bool = False

    @property
    def lost_its_agent(self) -> bool:
        return self.agents == 0 and self.agent_last_seen is not None and not self.maintenance


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatus:
    """``kind`` in words; ``valid`` False once the credential was refused."""

    kind: str
    valid: bool | None = None
    expires: float | None = None
    """None if it never does, or if nothing is known yet."""
    last_refresh: float | None = None
    refreshes: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStatus:
    """``host`` without scheme and path; ``budget`` in requests a second."""

    host: str
    budget: float
    requests: int = 0
    retries: int = 0
    throttled: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """``oldest_unsent`` is when the first record that waits was appended."""

    name: str
    backlog: int = 0
    oldest_unsent: float | None = None
    dead_letters: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStatus:
    """``writer`` is False in a process that waits to take over; then nothing else is known."""

    public_key: str
    writer: bool = True
    available: bool = True
    blocked: bool = False
    problem: str | None = None
    records: int | None = None
    gaps: int | None = None
    newest_event: float | None = None
    last_success: float | None = None
    last_checkpoint: float | None = None
    sinks: tuple[SinkStatus, ...] = ()

    @property
    def failing(self) -> bool:
        sick = any(sink.problem is not None for sink in self.sinks)
        return not self.available or self.blocked or self.problem is not None or sick


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """``environments`` is None until they have been listed, ``audit`` where no log is kept."""

    now: float
    started: float
    version: str
    revision: str
    python: str
    token: TokenStatus
    api: ApiStatus
    account: str | None = None
    collectors: tuple[CollectorStatus, ...] = ()
    environments: tuple[EnvironmentStatus, ...] | None = None
    reload_successful: bool = True
    audit: AuditStatus | None = None
    telemetry_path: str = "/metrics"
    shard: str | None = None
    """Which part of the account this is, as ``1/3``; None where it is all of it."""
    documentation: str | None = None
    """URL of the documentation, if there is one to point to."""


def collectors(snapshot: Snapshot, now: float) -> tuple[CollectorStatus, ...]:
    """What the board knows of each collector. ``now`` is loop time, in seconds."""
    fresh = snapshot.fresh(now)
    return tuple(
        _collector(name, record, fresh[name].series if name in fresh else None)
        for name, record in snapshot.records.items()
    )


def _collector(name: str, record: Record, series: int | None) -> CollectorStatus:
    return CollectorStatus(
        name=name,
        interval=record.interval,
        essential=record.essential,
        rounds=record.rounds,
        failures=sum(record.failures.values()),
        series=series,
        duration=record.duration,
        lateness=record.lateness or 0.0,
        last_attempt=record.last_attempt,
        last_success=record.last_success,
        problem=record.problem,
        problem_since=record.problem_since,
        truncated=bool(record.truncated),
        plan=record.plan,
    )
