"""What exists, as rows: environments, and in each its agents and its Spaces."""

from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.flatfile.models import Agent, Environment, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that exists: an environment, a Space or an agent.

    ``state`` is ``production`` or ``other`` for an environment, ``active``, ``archived`` or
    ``expired`` for a Space, ``deployed`` or ``system`` for an agent. ``name`` is an agent's slug.
    ``updated`` is ISO 8601, UTC; empty where the API does not say.
    """

    environment_id: str
    environment_name: str
    kind: str
    id: str
    name: str
    state: str
    updated: str = ""


def order(row: Row) -> tuple[str, str]:
    return row.name, row.id


def of_environment(environment: Environment) -> Row:
    return Row(
        environment_id=environment.id,
        environment_name=environment.name,
        kind="environment",
        id=environment.id,
        name=environment.name,
        state="production" if environment.production else "other",
    )


def of_agent(environment: Environment, agent: Agent) -> Row:
    updated = datetime.fromtimestamp(agent.updated_at, UTC)
    return Row(
        environment_id=environment.id,
        environment_name=environment.name,
        kind="agent",
        id=agent.id,
        name=agent.slug or "",
        state="system" if agent.system else "deployed",
        updated=updated.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def of_space(environment: Environment, space: Space) -> Row:
    state = "archived" if space.archived_at else "expired" if space.expired_at else "active"
    return Row(
        environment_id=environment.id,
        environment_name=environment.name,
        kind="space",
        id=space.id,
        name=space.name,
        state=state,
    )
