"""The stream of what happens by itself: stories of customers at work, and now and then a change."""

from random import Random

from exporter.emulator import changes, topics
from exporter.emulator.account import Account
from exporter.emulator.scale import Scale
from exporter.emulator.things import Space
from exporter.emulator.times import MINUTE

_AT_ONCE = 8  # stories told at the same time
_TRIES = 6
_CUMULATED = [sum(topics.WEIGHTS[: i + 1]) for i in range(len(topics.WEIGHTS))]
_SEEN_SHARE = 0.004
_UNKNOWN_SHARE = 0.05
_ACTORS, _ACTOR_WEIGHTS = ("user", "guest", "agent", "key", "nobody"), (40, 25, 20, 5, 10)


class _Story:
    __slots__ = ("actor_id", "place", "space", "subject", "topics")

    def __init__(self, space: Space, actor_id: str | None, told: tuple[str, ...]) -> None:
        self.space, self.actor_id, self.topics = space, actor_id, told
        self.place = 0
        self.subject: dict[str, str] = {}


class Life:
    """Its dice are its own, so that what an outsider does does not change when things happen."""

    def __init__(self, account: Account, scale: Scale, seed: int, start: float) -> None:
        self._account, self._scale = account, scale
        self._dice = Random(f"life {seed}")
        self._rate = scale.events_per_minute / MINUTE
        self._stories: list[_Story | None] = [None] * _AT_ONCE
        self._next = self._after(start)

    def play(self, until: float) -> None:
        """Everything that happens up to `until`, Unix seconds."""
        while self._next <= until:
            self._step(round(self._next, 3))
            self._next = self._after(self._next)

    def end(self) -> None:
        """Nothing happens by itself any more."""
        self._next = float("inf")

    def _after(self, at: float) -> float:
        return at + self._dice.expovariate(self._rate) if self._rate > 0 else float("inf")

    def _step(self, at: float) -> None:
        point = self._dice.random()
        if point < self._scale.rare:
            space = self._some_space()
            if space is not None:
                changes.change(self._account, self._dice, space, at)
        elif point < self._scale.rare + _SEEN_SHARE and self._scale.rare:
            changes.sign_in(self._account, self._dice, at)
        number = int(self._dice.random() * _AT_ONCE)
        story = self._stories[number]
        if story is None or story.space.id not in self._account.spaces:
            story = self._stories[number] = self._begin()
        if story is not None:
            self._tell(story, at)
            if story.place == len(story.topics):
                self._stories[number] = None

    def _tell(self, story: _Story, at: float) -> None:
        topic = story.topics[story.place]
        story.place += 1
        account = self._account
        if account.unknown_topics and self._dice.random() < _UNKNOWN_SHARE:
            topic = self._dice.choice(topics.UNKNOWN)
        kind = topics.kind(topic)
        subject = story.subject.get(kind)
        if subject is None:
            subject = story.subject[kind] = account.ids.new(kind)
        space = story.space
        account.emit(
            topic,
            at,
            space.environment_id,
            space_id=space.id,
            actor_id=story.actor_id,
            subject=subject,
        )

    def _begin(self) -> _Story | None:
        space = self._some_space()
        if space is None:
            return None
        told = self._dice.choices(topics.STORIES, cum_weights=_CUMULATED)[0]
        return _Story(space, self._actor(space), told)

    def _actor(self, space: Space) -> str | None:
        """A user, a guest, an agent, an API key or nobody (section 9.2)."""
        account = self._account
        guests = account.guests.ids(space.id)
        agents = account.agents.ids(space.environment_id)
        kind = self._dice.choices(_ACTORS, _ACTOR_WEIGHTS)[0]
        if kind == "guest" and guests:
            return self._dice.choice(guests)
        if kind == "agent" and agents:
            return self._dice.choice(agents)
        if kind == "key":
            return account.ids.new("key")
        return None if kind == "nobody" else space.created_by

    def _some_space(self) -> Space | None:
        environments = [e.id for e in self._account.environments]
        if not environments:
            return None
        for _ in range(_TRIES):
            # The square leans to the first environments, the busy ones.
            rank = int(self._dice.random() ** 2 * len(environments))
            ids = self._account.spaces.ids(environments[rank])
            space = self._account.spaces.get(self._dice.choice(ids)) if ids else None
            if space is not None and space.archived_at is None and space.expired_at is None:
                return space
        return None
