"""What happened: the events of the account in order of time, and the runs of its agents."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from exporter.emulator.things import Event, Execution


def _time(event: Event) -> float:
    return event.at


class History:
    """Bounded to the newest `keep` events; `counts` and `total` remember all of them."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._events: list[Event] = []
        self._by_environment: dict[str, list[Event]] = {}
        self._by_id: dict[str, Event] = {}
        self._executions: dict[str, list[Execution]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.total = 0
        self.forgotten_before = float("-inf")
        """Unix seconds. The service shows nothing from before; what really was is still known."""

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> None:
        own = self._by_environment.setdefault(event.environment_id, [])
        for line in (self._events, own):
            if line and line[-1].at > event.at:
                line.insert(bisect_right(line, event.at, key=_time), event)
            else:
                line.append(event)
        self._by_id[event.id] = event
        self.counts[event.environment_id, event.topic] += 1
        self.total += 1
        # Trimmed in strides, since each trim moves the whole list.
        if len(self._events) > self._keep + self._keep // 8 + 64:
            self._trim()

    def get(self, id_: str) -> Event | None:
        return self._by_id.get(id_)

    def acknowledge(self, id_: str) -> bool:
        """Marks an event as dealt with: what a collector must never cause."""
        event = self._by_id.get(id_)
        if event is None:
            return False
        marked = event._replace(acknowledged=True)
        for line in (self._events, self._by_environment[event.environment_id]):
            line[line.index(event, bisect_left(line, event.at, key=_time))] = marked
        self._by_id[id_] = marked
        return True

    def events(self, environment_id: str | None = None) -> Sequence[Event]:
        """Oldest first. Live: do not keep it across an advance of the world."""
        if environment_id is None:
            return self._events
        return self._by_environment.get(environment_id, ())

    @staticmethod
    def start(line: Sequence[Event], since: float, *, inclusive: bool) -> int:
        """Where in `line` the events since that moment begin."""
        cut = bisect_left if inclusive else bisect_right
        return cut(line, since, key=_time)

    def ran(self, environment_id: str, execution: Execution) -> None:
        line = self._executions.setdefault(environment_id, [])
        line.append(execution)
        if len(line) > self._keep:
            del line[: len(line) // 2]

    def executions(self, environment_id: str) -> Sequence[Execution]:
        """Oldest first, by the time of the event that caused them."""
        return self._executions.get(environment_id, ())

    def _trim(self) -> None:
        cut = len(self._events) - self._keep
        dropped = self._events[:cut]
        del self._events[:cut]
        for event in dropped:
            self._by_id.pop(event.id, None)
        for environment_id, count in Counter(e.environment_id for e in dropped).items():
            del self._by_environment[environment_id][:count]
