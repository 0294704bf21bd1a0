"""Asking about one environment, as narrowly as it takes."""

from collections import Counter
from dataclasses import dataclass, field, replace

from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.audit.feed.asking import Asking
from exporter.audit.feed.batch import Marks, unmoved
from exporter.audit.feed.gaps import Gap, GapKind
from exporter.audit.feed.plan import PATIENCE, Plan, helps, of_environment
from exporter.errors import BadRequest, NotFound
from exporter.flatfile.topics import TOPICS

_IN_A_ROW = 4
"""So many topics that fail one after the other end the round: it is hardly about the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to ask of an environment: see :meth:`exporter.audit.feed.asking.Asking.ask`."""

    environment_id: str
    since: float
    mark: float
    overlap: float
    late_before: float | None
    watched: frozenset[str] = frozenset()
    at_once: int = 1
    marks: Marks = unmoved


@dataclass(slots=True)
class Environment:
    """Remembers which way works, and which topics were read while others failed."""

    largest: int
    """Events on a page when all is well."""
    plan: Plan = field(init=False)
    _seen: set[str] = field(default_factory=set)
    _done: dict[str, Answer] = field(default_factory=dict)
    _hopeless: Counter[str] = field(default_factory=Counter)
    """Rounds in a row in which a topic failed while others were had."""

    def __post_init__(self) -> None:
        self.plan = of_environment(self.largest)

    async def ask(self, asking: Asking, scope: Scope, moment: Moment) -> Answer:
        """Once, in the way that is next; then choose that of the next time.

        What came last, and all gaps, wait for :meth:`Asking.keep`.
        Where topics have to be asked one by one, the whole is tried first: it may have become
        possible meanwhile, it shows topics that are not documented, and it needs no gap.
        """
        rung = self.plan.rung
        question = Question(since=scope.since, page_size=rung.size)
        answer = await self._ask(asking, scope, moment, question)
        self._seen |= answer.topics
        rejoined = answer.whole and rung.split
        if rung.split and answer.error and helps(answer.error) and answer.stuck_at(scope.mark):
            answer = await self._by_topic(asking, scope, moment, answer)
        if answer.whole:
            self._done.clear()
            self._hopeless.clear()
            (self.plan.rejoin if rejoined else self.plan.widen)()
        elif answer.error and answer.stuck_at(scope.mark):
            self.plan.narrow(answer.error)
        return answer

    async def _ask(
        self, asking: Asking, scope: Scope, moment: Moment, question: Question
    ) -> Answer:
        return await asking.ask(
            replace(question, environment_id=scope.environment_id),
            moment=moment,
            late_before=scope.late_before,
            watched=scope.watched,
            at_once=scope.at_once,
            marks=scope.marks,
        )

    async def _by_topic(
        self, asking: Asking, scope: Scope, moment: Moment, whole: Answer
    ) -> Answer:
        """``whole`` is how far the question for all topics came."""
        await asking.keep(whole)  # there is no room to hold something of each
        total = Answer()
        total.join(whole)
        failed: dict[str, Answer] = {}
        refused = in_a_row = 0
        topics = sorted(TOPICS | self._seen)
        for topic in topics:
            answer = await self._topic(asking, scope, moment, topic)
            total.join(answer)
            if answer.blocked:
                total.blocked = True
                return total
            if isinstance(answer.error, BadRequest | NotFound):
                refused += 1  # a topic that this server does not know has no events
            elif answer.error:
                failed[topic] = answer
            in_a_row = in_a_row + 1 if answer.error and not answer.pages else 0
            if in_a_row >= _IN_A_ROW or refused == len(topics):
                total.error = answer.error
                return total
        # An outage that ends in the middle of a round is no fault of the topics before its end.
        self._hopeless = Counter({topic: self._hopeless[topic] + 1 for topic in failed})
        patient = any(rounds < PATIENCE for rounds in self._hopeless.values())
        if failed and (patient or not self.plan.given_up):
            total.error = next(iter(failed.values())).error
            return total
        for topic, answer in failed.items():
            total.gaps.append(_gap("unreachable", scope, moment, answer, topic))
        total.gaps.append(_gap("topics", scope, moment, whole))
        total.whole = True
        return total

    async def _topic(self, asking: Asking, scope: Scope, moment: Moment, topic: str) -> Answer:
        """From where this topic was read to the last time, if it was."""
        done = self._done.get(topic)
        since = scope.since
        if done is not None and done.newest is not None:
            since = max(since, done.newest - scope.overlap)
        question = Question(since=since, page_size=self.plan.rung.size, topic=topic)
        answer = await self._ask(asking, scope, moment, question)
        await asking.keep(answer)
        if done is not None:
            answer.join(done)
        if answer.whole:
            self._done[topic] = replace(answer, added=0, pages=0)
        return answer


def _gap(
    kind: GapKind, scope: Scope, moment: Moment, answer: Answer, topic: str | None = None
) -> Gap:
    return Gap(
        kind=kind,
        since=scope.since,
        until=moment.until if answer.reached is None else answer.reached,
        environment_id=scope.environment_id,
        topic=topic,
    )
