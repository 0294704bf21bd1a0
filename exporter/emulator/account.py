"""The account as it stands: its shelves of things, and what happened to them."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from exporter.emulator import topics
from exporter.emulator.history import History
from exporter.emulator.ids import Ids
from exporter.emulator.shelf import Shelf
from exporter.emulator.things import Agent, Environment, Event, Execution, Guest, Space, User

# One run in twenty-five fails.
_FAILURE_SHARE = 0.04


@dataclass
class Account:
    """Mutable on purpose: it is the one living thing here. `created_at` is Unix seconds."""

    id: str
    name: str
    created_at: float
    ids: Ids
    dice: Random
    history: History
    environments: Shelf[Environment] = field(default_factory=lambda: Shelf(lambda _: ()))
    spaces: Shelf[Space] = field(default_factory=lambda: Shelf(lambda s: (s.environment_id,)))
    agents: Shelf[Agent] = field(default_factory=lambda: Shelf(lambda a: (a.environment_id,)))
    users: Shelf[User] = field(default_factory=lambda: Shelf(lambda _: ()))
    guests: Shelf[Guest] = field(
        default_factory=lambda: Shelf(lambda g: (g.environment_id, *g.space_ids))
    )
    removed_agents: dict[str, list[Agent]] = field(default_factory=dict)
    people: int = 0
    unknown_topics: bool = False

    def emit(
        self,
        topic: str,
        at: float,
        environment_id: str,
        *,
        space_id: str | None = None,
        actor_id: str | None = None,
        subject: str = "",
        payload: Any = None,
    ) -> Event:
        """Something happened; agents that listen to the topic run because of it."""
        agents = self.agents.ids(environment_id)
        event = Event(
            self.ids.event(),
            topic,
            at,
            environment_id,
            space_id,
            actor_id,
            subject or self.ids.new(topics.kind(topic)),
            # Whether a listener has dealt with it. A mix, so that includeAcknowledged matters.
            bool(agents) and topic in topics.LISTENED,
            payload,
        )
        self.history.add(event)
        if agents and (topic in topics.LISTENED or topic in topics.SYSTEM_LISTENED):
            self._run(event)
        return event

    def _run(self, event: Event) -> None:
        for agent in self.agents.of(event.environment_id):
            if event.topic in agent.topics:
                started = round(event.at + 0.05 + self.dice.random(), 3)
                duration = int(self.dice.expovariate(1 / 900)) + 40
                run = Execution(
                    event.id,
                    agent.id,
                    event.space_id,
                    event.topic,
                    self.dice.random() >= _FAILURE_SHARE,
                    started,
                    round(started + duration / 1000, 3),
                    duration,
                )
                self.history.ran(event.environment_id, run)
