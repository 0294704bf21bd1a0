"""What events hint at: which environments have to be asked again, and for what.

An event is no proof of anything: it may come late, twice, or never. So it only moves a question
forward that would be asked anyway, and what the API answers is what counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from exporter.flatfile.models import Event

_AGENTS = frozenset({"agent:created", "agent:updated", "agent:deleted"})
_ENVIRONMENTS = "environment:"
_SPACES = frozenset(
    {"space:created", "space:deleted", "space:archived", "space:unarchived", "space:expired"}
)
"""Those that change a number. ``space:updated`` does not, and busy accounts are full of it."""
_KEPT = 50_000  # hints remembered; beyond that a repeated one costs a question


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Ids of environments whose ``agents`` or ``spaces`` may have changed.

    ``environments`` says that the listing of them may have, and ``created`` which are new.
    """

    agents: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()
    environments: bool = False
    created: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.agents or self.spaces or self.environments)


@dataclass(slots=True)
class Hearing:
    """Takes events from whoever reads them, each once.

    What happened before ``since`` (Unix seconds) is known from the listings that came after it.
    """

    since: float
    _heard: dict[str, None] = field(default_factory=dict)

    def hear(self, events: Iterable[Event], asked_of: str = "") -> Hints:
        """What those of them hint at that were not heard before.

        ``asked_of`` is the environment that was asked for them, where one was.
        """
        new = [event for event in events if self._tells(event) and event.id not in self._heard]
        self._heard.update((event.id, None) for event in new)
        while len(self._heard) > _KEPT:
            del self._heard[next(iter(self._heard))]
        listed = [event for event in new if event.topic.startswith(_ENVIRONMENTS)]
        return Hints(
            agents=_of((event for event in new if event.topic in _AGENTS), asked_of),
            spaces=_of((event for event in new if event.topic in _SPACES), asked_of),
            environments=bool(listed),
            created=_of(listed, asked_of),
        )

    def _tells(self, event: Event) -> bool:
        return event.created_at >= self.since and (
            event.topic in _AGENTS
            or event.topic in _SPACES
            or event.topic.startswith(_ENVIRONMENTS)
        )


def _of(events: Iterable[Event], asked_of: str) -> frozenset[str]:
    """One of which nobody knows the environment is left to the rounds."""
    return frozenset(id_ for event in events if (id_ := event.environment_id or asked_of))
