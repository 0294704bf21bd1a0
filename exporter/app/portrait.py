"""What the page for people shows, put together from what everybody knows."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.board import Snapshot
from exporter.collectors.agentlist import Agents
from exporter.collectors.environments import Environments
from exporter.collectors.guests import Guests
from exporter.collectors.spaces import Spaces
from exporter.flatfile.models import Environment
from exporter.flatfile.token import TokenStatus
from exporter.health import Vitals
from exporter.web import status

_KINDS = {
    None: "none yet",
    "client_pair": "access token, from client id and secret",
    "personal_token": "personal access token",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What is on /metrics now, by collector; None where it is not."""

    environments: Environments | None
    agents: Agents | None
    spaces: Spaces | None
    guests: Guests | None


def portray(
    snapshot: Snapshot,
    vitals: Vitals,
    api_url: str,
    telemetry_path: str,
    *,
    now: float,
    wall: float,
    started: float,
    audit: status.AuditStatus | None = None,
) -> status.Status:
    """``now`` is loop time, ``wall`` and ``started`` are Unix seconds."""
    seen = _seen(snapshot, now)
    account = seen.environments.account if seen.environments else None
    return status.Status(
        now=wall,
        started=started,
        version=vitals.build.version,
        revision=vitals.build.revision,
        python=vitals.build.python_version,
        account=account.name if account else None,
        token=_token(vitals.token),
        api=status.ApiStatus(
            host=urlsplit(api_url).netloc,
            budget=vitals.budget,
            requests=sum(vitals.usage.requests.values()),
            retries=sum(vitals.usage.retries.values()),
            throttled=vitals.usage.throttled_seconds,
        ),
        collectors=status.collectors(snapshot, now),
        environments=_environments(seen),
        audit=audit,
        reload_successful=vitals.reload.successful,
        telemetry_path=telemetry_path,
        shard=str(vitals.shard) if vitals.shard.count > 1 else None,
    )


def _seen(snapshot: Snapshot, now: float) -> _Seen:
    data = [reading.data for reading in snapshot.fresh(now).values()]
    return _Seen(
        environments=next((d for d in data if isinstance(d, Environments)), None),
        agents=next((d for d in data if isinstance(d, Agents)), None),
        spaces=next((d for d in data if isinstance(d, Spaces)), None),
        guests=next((d for d in data if isinstance(d, Guests)), None),
    )


def _environments(seen: _Seen) -> tuple[status.EnvironmentStatus, ...] | None:
    if seen.environments is None:
        return None
    listed = seen.environments.environments
    held = seen.environments.maintenance
    return tuple(_environment(seen, e, maintenance=e.id in held) for e in listed)


def _environment(
    seen: _Seen, environment: Environment, *, maintenance: bool
) -> status.EnvironmentStatus:
    of = environment.id
    agents = seen.agents.listings.get(of) if seen.agents else None
    last_seen = seen.agents.last_seen.get(of) if seen.agents and seen.agents.last_seen else None
    spaces = seen.spaces.counts.get(of) if seen.spaces else None
    return status.EnvironmentStatus(
        id=of,
        name=environment.name,
        production=environment.production,
        maintenance=maintenance,
        agents=len(agents.deployed) if agents else None,
        system_agents=len(agents.agents) - len(agents.deployed) if agents else None,
        agent_last_seen=last_seen,
        spaces=spaces.active if spaces else None,
        archived_spaces=spaces.archived if spaces else None,
        expired_spaces=spaces.expired if spaces else None,
        guests=seen.guests.counts.get(of) if seen.guests else None,
    )


def _token(token: TokenStatus) -> status.TokenStatus:
    return status.TokenStatus(
        kind=_KINDS[token.kind],
        valid=token.valid,
        expires=token.expires_at,
        last_refresh=token.last_refresh,
        refreshes=token.refreshes,
        failures=token.failures,
    )
