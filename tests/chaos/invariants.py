"""What must hold at every moment, whatever goes wrong: looked at from outside, by the page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from exporter.catalog import COLLECTORS
from exporter.emulator import World
from exporter.flatfile.topics import label
from tests.chaos.chronicle import Chronicle
from tests.chaos.facts import GUEST, Key
from tests.chaos.page import Page

EVENTS = "flatfile_events_total"
EXECUTIONS = "flatfile_agent_executions_total"
RECENT = "flatfile_recent_events"
AGENTS = "flatfile_environment_agents"
GUESTS = "flatfile_environment_guests"
LAST_EVENT = "flatfile_environment_last_event_timestamp_seconds"
LAST_SEEN = "flatfile_environment_agent_last_seen_timestamp_seconds"
_DURATION = "flatfile_collector_duration_seconds"
_SLACK = 2.0  # seconds for what is done between a round and the board

OF: Mapping[str, str] = {family.name: c.name for c in COLLECTORS for family in c.families}
"""The collector of a family."""

# Looked at otherwise than by comparing a value with the truth.
_ELSEWHERE = {
    EVENTS,
    RECENT,
    GUESTS,
    LAST_EVENT,
    LAST_SEEN,
    "flatfile_recent_events_window_seconds",
    EXECUTIONS,
    "flatfile_environment_last_success_timestamp_seconds",
}


@dataclass
class Watch:
    """Looks at one page after the other. ``retention`` gives seconds by collector.

    ``origin`` is since when events are counted, in Unix seconds.
    """

    world: World
    chronicle: Chronicle
    retention: Mapping[str, float]
    intervals: Mapping[str, float]
    origin: float = float("inf")
    before: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Events from before the origin, by environment id and topic."""
    _longest: dict[str, float] = field(default_factory=dict)
    _highest: dict[Key, float] = field(default_factory=dict)

    def counted_from(self, origin: float) -> None:
        self.origin = origin
        events = self.world.events()
        self.before = Counter(
            (e.environment_id, label(e.topic)) for e in events if e.created_at < origin
        )

    def staleness(self, collector: str) -> float:
        """Seconds by which a value on the page may be old."""
        took = self._longest.get(collector, 0.0)
        return self.retention[collector] + self.intervals[collector] + took + _SLACK

    def problems(self, now: float, page: Page) -> Iterator[str]:
        """What is wrong with a page at that time of the loop; nothing if all is well."""
        for (name, labels), value in page.of(_DURATION).items():
            collector = dict(labels)["collector"]
            assert name
            self._longest[collector] = max(value, self._longest.get(collector, 0.0))
        yield from self._falls(page)
        for of, value in page.samples.items():
            if of[0] in OF and of[0] not in _ELSEWHERE:
                yield from self._value(now, of, value)
        yield from self._guests(now, page)
        yield from self._events(page)

    def _value(self, now: float, of: Key, value: float) -> Iterator[str]:
        """It was so at some moment within the staleness."""
        was = self.chronicle.during(of, now - self.staleness(OF[of[0]]), now)
        if value in was:
            return
        what = "an agent was never lost" if of[0] == AGENTS and value == 0 else "a wrong number"
        yield f"{what}: {said(of)} is {value:g}, and was {_few(was)}"

    def _guests(self, now: float, page: Page) -> Iterator[str]:
        """Counted Space by Space over a long time: at least who was there all the while."""
        begin = now - self.staleness("guests")
        for of, value in page.of(GUESTS).items():
            (place,) = of[1]
            was = [
                self.chronicle.during(one, begin, now) for one in self.chronicle.like(GUEST, place)
            ]
            least = sum(None not in one for one in was)
            most = sum(1 in one for one in was)
            if not least <= value <= most:
                yield f"a wrong number: {said(of)} is {value:g}, and was from {least} to {most}"

    def _events(self, page: Page) -> Iterator[str]:
        counts: Counter[tuple[str, str]] = Counter()
        for (home, topic), number in self.world.account.history.counts.items():
            counts[home, label(topic)] += number
        for of, value in page.of(EVENTS).items():
            labels = dict(of[1])
            pair = labels["environment_id"], labels["topic"]
            most = counts[pair] - self.before[pair]
            if value > most:
                yield f"counted more than once: {said(of)} is {value:g} of {most}"
        for of, value in page.of(LAST_EVENT).items():
            line = self.world.account.history.events(dict(of[1])["environment_id"])
            if not any(event.at == value for event in line):
                yield f"a wrong number: no event was at {said(of)}, {value!r}"
        for of, value in page.of(LAST_SEEN).items():
            if value < self._highest.get(of, 0.0):
                yield f"a sighting was forgotten: {said(of)} is {value!r}"
            self._highest[of] = value

    def _falls(self, page: Page) -> Iterator[str]:
        for of in page.counters:
            value = page.samples[of]
            if value < self._highest.get(of, 0.0):
                yield f"a counter fell: {said(of)} is {value:g} after {self._highest[of]:g}"
            self._highest[of] = value

    # After healing ------------------------------------------------------------------------

    def unhealed(self, now: float, page: Page, began: float) -> Iterator[str]:
        """What is not as well as it was before, once nothing is wrong since ``began`` any more."""
        for of, value in page.of("flatfile_collector_success").items():
            if value != 1:
                yield f"it still fails: {said(of)}"
        for name, want in (("flatfile_up", 1), ("flatfile_token_valid", 1)):
            if page.value(name) != want:
                yield f"not recovered: {name} is {page.value(name)}"
        for of in self.chronicle.now():
            if of not in page.samples and of[0] != GUEST and self._lasts(of, began, now):
                yield f"missing: {said(of)}"
        for of, value in page.samples.items():
            if (
                of[0] in OF
                and of[0] not in _ELSEWHERE
                and value not in (was := self.chronicle.during(of, began, now))
            ):
                yield f"still old: {said(of)} is {value:g}, and was {_few(was)}"

    def still_wrong_of_late(
        self, wall: float, lag: float, window: float, page: Page
    ) -> Iterator[str]:
        """Events of late that are not as many as at some moment within ``lag`` (seconds)."""
        times: dict[tuple[str, str], list[float]] = {}
        for event in self.world.events(wall - lag - window):
            times.setdefault((event.environment_id, label(event.topic)), []).append(
                event.created_at
            )
        for of, value in page.of(RECENT).items():
            labels = dict(of[1])
            own = times.get((labels["environment_id"], labels["topic"]), [])
            moments = [wall, wall - lag, *(at + window for at in own), *own]
            was = {
                float(sum(at - window < one <= at for one in own))
                for at in moments
                if wall - lag <= at <= wall
            }
            if value not in was:
                yield f"a wrong number: {said(of)} is {value:g}, and was {_few([*was])}"

    def _lasts(self, of: Key, began: float, now: float) -> bool:
        return None not in self.chronicle.during(of, began, now)

    def miscounted(self, page: Page, happened: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Events that were not counted exactly once.

        Of each, ``happened`` has the environment's id and the topic.
        """
        truth = Counter((home, label(topic)) for home, topic in happened)
        shown = {
            (labels["environment_id"], labels["topic"]): value
            for of, value in page.of(EVENTS).items()
            for labels in (dict(of[1]),)
        }
        for pair in truth.keys() | shown.keys():
            if truth[pair] != shown.get(pair, 0.0):
                yield f"miscounted: {shown.get(pair, 0.0):g} of {truth[pair]} {pair[1]} in {pair[0]}"

    def misran(self, page: Page, ran: Iterable[tuple[str, str, str]]) -> Iterator[str]:
        """Executions that were not counted exactly once.

        Of each, ``ran`` has the environment's id, the topic and the result. Where there was none,
        nothing is shown.
        """
        truth = Counter((home, label(topic), result) for home, topic, result in ran)
        shown = {
            (labels["environment_id"], labels["topic"], labels["result"]): value
            for of, value in page.of(EXECUTIONS).items()
            for labels in (dict(of[1]),)
            if any(labels["environment_id"] == home for home, *_ in truth)
        }
        for of in truth.keys() | shown.keys():
            if truth[of] != shown.get(of, 0.0):
                yield f"miscounted: {shown.get(of, 0.0):g} of {truth[of]} executions {of}"


def said(of: Key) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(of[1]))
    return f"{of[0]}{{{labels}}}"


def _few(was: list[float | None]) -> str:
    return "only " + ", ".join("absent" if v is None else f"{v:g}" for v in dict.fromkeys(was))
