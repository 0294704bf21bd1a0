"""What is really so in the emulated account, for tests to compare with what was collected."""

from dataclasses import dataclass

from exporter.emulator.account import Account
from exporter.emulator.things import Environment


@dataclass(frozen=True, slots=True)
class EnvironmentTruth:
    """`active_spaces` are those not archived, expired ones among them; `agents` are not system's."""

    id: str
    name: str
    is_prod: bool
    active_spaces: int
    archived_spaces: int
    expired_spaces: int
    agents: int
    system_agents: int
    guests: int
    space_ids: tuple[str, ...]
    agent_ids: tuple[str, ...]
    system_agent_ids: tuple[str, ...]
    guest_ids: tuple[str, ...]
    events: dict[str, int]


@dataclass(frozen=True, slots=True)
class Truth:
    """`events` counts all since the world began, kept or forgotten; times are Unix seconds."""

    now: float
    account_id: str
    account_name: str
    environments: dict[str, EnvironmentTruth]
    users: int
    last_seen: dict[str, float | None]
    events: int
    events_kept: int


@dataclass(frozen=True, slots=True)
class EventTruth:
    id: str
    environment_id: str
    topic: str
    created_at: float
    actor_id: str | None = None
    space_id: str | None = None


def tell(account: Account, now: float) -> Truth:
    counts: dict[str, dict[str, int]] = {}
    for (environment_id, topic), count in sorted(account.history.counts.items()):
        counts.setdefault(environment_id, {})[topic] = count
    return Truth(
        now=now,
        account_id=account.id,
        account_name=account.name,
        environments={
            e.id: _environment(account, e, counts.get(e.id, {})) for e in account.environments
        },
        users=len(account.users),
        last_seen={user.id: user.last_seen_at for user in account.users},
        events=account.history.total,
        events_kept=len(account.history),
    )


def _environment(
    account: Account, environment: Environment, events: dict[str, int]
) -> EnvironmentTruth:
    spaces = account.spaces.of(environment.id)
    agents = account.agents.of(environment.id)
    guests = tuple(account.guests.ids(environment.id))
    archived = sum(space.archived_at is not None for space in spaces)
    own = tuple(agent.id for agent in agents if not agent.is_system)
    system = tuple(agent.id for agent in agents if agent.is_system)
    return EnvironmentTruth(
        id=environment.id,
        name=environment.name,
        is_prod=environment.is_prod,
        active_spaces=len(spaces) - archived,
        archived_spaces=archived,
        expired_spaces=sum(space.expired_at is not None for space in spaces),
        agents=len(own),
        system_agents=len(system),
        guests=len(guests),
        space_ids=tuple(space.id for space in spaces),
        agent_ids=own,
        system_agent_ids=system,
        guest_ids=guests,
        events=events,
    )
