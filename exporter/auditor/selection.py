"""Which records are wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from exporter.audit.formats.fields import mapping
from exporter.audit.record import Entry, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is empty or None selects nothing out.

    ``since`` <= time < ``until``, in Unix seconds. Environments and Spaces are given by their id,
    or by the name that they had then; actors by their id, or an agent's slug; topics as they are,
    or with the wildcards of a shell (``space:*``).
    """

    since: float | None = None
    until: float | None = None
    environments: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    topics: tuple[str, ...] = ()

    def admits(self, entry: Entry) -> bool:
        record = entry.record
        return (
            (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
            and _among(self.environments, record.get("environment"), "id", "name")
            and _among(self.spaces, record.get("space"), "id", "name")
            and _among(self.actors, record.get("actor"), "id", "label")
            and (not self.topics or any(_like(record, topic) for topic in self.topics))
        )


def _among(wanted: frozenset[str], thing: Json, *names: str) -> bool:
    return not wanted or any(mapping(thing).get(name) in wanted for name in names)


def _like(record: Mapping[str, Json], pattern: str) -> bool:
    topic = str(record.get("topic"))
    return topic == pattern or fnmatchcase(topic, pattern)
