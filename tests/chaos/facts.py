"""What the page ought to show at one moment, told by the emulated account alone."""

from collections.abc import Iterator

from exporter.collectors.users import WINDOWS
from exporter.emulator import World
from exporter.emulator.things import Environment

Key = tuple[str, frozenset[tuple[str, str]]]
"""The name of a sample and its labels."""

Facts = dict[Key, float]

GUEST = "a guest"
"""No sample: which guests there are, for a number that is counted over many moments."""


def key(name: str, **labels: str) -> Key:
    return name, frozenset(labels.items())


def facts(world: World, skew: float) -> Facts:
    """``skew`` is how far the exporter's clock is ahead (seconds): some numbers hang on it."""
    now = world.now()
    account = world.account
    found: Facts = {
        key("flatfile_environments"): len(account.environments),
        key("flatfile_users"): len(account.users),
        key("flatfile_account_info", account_id=account.id, account_name=account.name): 1,
    }
    seen = [user.last_seen_at for user in account.users if user.last_seen_at is not None]
    for window, seconds in WINDOWS.items():
        active = sum(1 for at in seen if at > now + skew - seconds)
        found[key("flatfile_active_users", window=window)] = active
    for environment in account.environments:
        found.update(_of(world, environment))
    return found


def _of(world: World, environment: Environment) -> Iterator[tuple[Key, float]]:
    account, of = world.account, environment.id
    production = "true" if environment.is_prod else "false"
    name = {"environment_name": environment.name, "production": production}
    yield key("flatfile_environment_info", environment_id=of, **name), 1
    yield key("flatfile_environment_maintenance", environment_id=of), 0
    spaces = account.spaces.of(of)
    archived = sum(space.archived_at is not None for space in spaces)
    expired = sum(space.expired_at is not None for space in spaces)
    yield key("flatfile_environment_spaces", environment_id=of), len(spaces) - archived
    yield key("flatfile_environment_archived_spaces", environment_id=of), archived
    yield key("flatfile_environment_expired_spaces", environment_id=of), expired
    for space in spaces:
        labels = {"space_id": space.id, "space_name": space.name, "environment_id": of}
        yield key("flatfile_space_info", **labels), 1
    agents = account.agents.of(of)
    system = sum(agent.is_system for agent in agents)
    yield key("flatfile_environment_agents", environment_id=of), len(agents) - system
    yield key("flatfile_environment_system_agents", environment_id=of), system
    for agent in agents:
        labels = {"environment_id": of, "agent_id": agent.id}
        yield key("flatfile_agent_info", slug=agent.slug, compiler="js", **labels), 1
        yield key("flatfile_agent_created_timestamp_seconds", **labels), agent.created_at
        yield key("flatfile_agent_updated_timestamp_seconds", **labels), agent.updated_at
    guests = account.guests.ids(of)
    yield key("flatfile_environment_guests", environment_id=of), len(guests)
    for guest in guests:
        yield key(GUEST, environment_id=of, guest_id=guest), 1
