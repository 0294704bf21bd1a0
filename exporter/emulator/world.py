"""The living account: what it is, what happens to it, and what anybody may do to it."""

from collections.abc import Callable
from random import Random
from time import time

from exporter.emulator import names, payloads, topics
from exporter.emulator.deeds import Deeds
from exporter.emulator.founding import found
from exporter.emulator.life import Life
from exporter.emulator.scale import DEMO, Scale
from exporter.emulator.things import Agent, Environment, Guest, Space, User
from exporter.emulator.truth import EventTruth, Truth, tell


class World:
    """Deterministic for a scale, a seed and a clock, however often it is asked to advance.

    `clock` gives Unix seconds; tests hand in a virtual one. Nothing runs in the background:
    `advance` plays what happened since it was last called, and everything else calls it first.
    """

    def __init__(
        self, scale: Scale = DEMO, seed: int = 1, clock: Callable[[], float] = time
    ) -> None:
        self.scale, self.seed, self.clock = scale, seed, clock
        self.account = found(scale, seed, clock())
        self._deeds = Deeds(self.account)
        self._life = Life(self.account, scale, seed, clock() - scale.history_seconds)
        self.advance()

    def now(self) -> float:
        """The clock, in the milliseconds of the wire."""
        return round(self.clock(), 3)

    def advance(self) -> float:
        """Catches up with the clock and returns it."""
        now = self.now()
        self._life.play(now)
        return now

    def rest(self) -> None:
        """From now on nothing happens by itself, for tests that compare what stands still."""
        self.advance()
        self._life.end()

    def truth(self) -> Truth:
        return tell(self.account, self.advance())

    def events(self, since: float = 0.0, environment_id: str | None = None) -> list[EventTruth]:
        """All events still kept with createdAt at or after `since`, oldest first."""
        self.advance()
        history = self.account.history
        line = history.events(environment_id)
        return [
            EventTruth(
                event.id,
                event.environment_id,
                event.topic,
                event.at,
                event.actor_id,
                event.space_id,
            )
            for event in line[history.start(line, since, inclusive=True) :]
        ]

    def environment(self, name_or_id: str) -> Environment:
        """KeyError if there is none of that name or id."""
        for environment in self.account.environments:
            if name_or_id in (environment.id, environment.name):
                return environment
        raise KeyError(name_or_id)

    # What anybody may do ------------------------------------------------------------------

    def create_environment(self, name: str = "", *, is_prod: bool = False) -> Environment:
        at = self.advance()
        return self._deeds.create_environment(name or self._free_name(), at, is_prod=is_prod)

    def delete_environment(self, id_: str) -> bool:
        return self._deeds.delete_environment(id_, self.advance())

    def deploy_agent(
        self, environment_id: str, slug: str, *, is_system: bool = False, silent: bool = False
    ) -> Agent:
        """Silently: without the event that Flatfile would send."""
        at = self.advance()
        return self._deeds.deploy_agent(
            environment_id, slug, at, is_system=is_system, silent=silent
        )

    def redeploy_agent(self, id_: str, *, silent: bool = False) -> Agent | None:
        at, agent = self.advance(), self.account.agents.get(id_)
        return agent and self._deeds.redeploy_agent(agent, at, silent=silent)

    def delete_agent(self, id_: str, *, silent: bool = False) -> bool:
        return self._deeds.delete_agent(id_, self.advance(), silent=silent)

    def delete_agents(self, environment_id: str, *, system: bool = False) -> int:
        """Takes the agents of an environment away, its system agents only on demand."""
        at = self.advance()
        doomed = [a.id for a in self.account.agents.of(environment_id) if system or not a.is_system]
        return sum(self._deeds.delete_agent(id_, at) for id_ in doomed)

    def restore_agents(self, environment_id: str) -> list[Agent]:
        return self._deeds.restore_agents(environment_id, self.advance())

    def create_space(self, environment_id: str, name: str = "") -> Space:
        at = self.advance()
        return self._deeds.create_space(environment_id, name or names.space(self._dice), at)

    def archive_space(self, id_: str) -> Space:
        return self._deeds.archive_space(self._space(id_), self.advance())

    def expire_space(self, id_: str) -> Space:
        return self._deeds.expire_space(self._space(id_), self.advance())

    def delete_space(self, id_: str) -> None:
        self._deeds.delete_space(self._space(id_), self.advance())

    def add_guest(self, *space_ids: str) -> str:
        """The id of a new guest of those Spaces (of one environment)."""
        at = self.advance()
        return self._deeds.add_guest([self._space(id_) for id_ in space_ids], at).id

    def remove_guest(self, id_: str) -> bool:
        at, guest = self.advance(), self.account.guests.get(id_)
        if guest is not None:
            self._deeds.remove_guest(guest, at)
        return guest is not None

    def rename_guest(self, id_: str, name: str | None = None, email: str | None = None) -> Guest:
        """No event exists for it. KeyError if there is no such guest."""
        at, guest = self.advance(), self.account.guests.get(id_)
        if guest is None:
            raise KeyError(id_)
        return self._deeds.rename_guest(guest, at, name=name, email=email)

    def add_user(self, last_seen_at: float | None = None) -> User:
        return self._deeds.add_user(self.advance(), last_seen_at)

    def rename_user(self, id_: str, name: str | None = None, email: str | None = None) -> User:
        """No event exists for it. KeyError if there is no such user."""
        at, user = self.advance(), self.account.users.get(id_)
        if user is None:
            raise KeyError(id_)
        return self._deeds.rename_user(user, at, name=name, email=email)

    def remove_user(self, id_: str) -> bool:
        return self.account.users.drop(id_) is not None

    def add_events(
        self,
        count: int,
        *,
        environment_id: str | None = None,
        topic: str | None = None,
        at: float | None = None,
        spread: float = 0.0,
        actor_id: str | None = None,
    ) -> list[str]:
        """Makes `count` events at once and returns their ids.

        The last of them is at `at` (default: now), the others are spread evenly over the `spread`
        seconds before it. Without a topic: a mix of the usual ones.
        """
        now = self.advance()
        last = now if at is None else at
        homes = [environment_id] if environment_id else [e.id for e in self.account.environments]
        usual = [topic] if topic else [t for story in topics.STORIES for t in story]
        added = []
        for number in range(count):
            moment = round(last - spread * (count - 1 - number) / max(count, 1), 3)
            home = self._dice.choice(homes)
            event = self.account.emit(self._dice.choice(usual), moment, home, actor_id=actor_id)
            added.append(event.id)
        return added

    def add_strange_events(self, environment_id: str) -> dict[str, str]:
        """One event now for each strange payload; its id by the name of what is strange."""
        at = self.advance()
        return {
            name: self.account.emit("job:updated", at, environment_id, payload=payload).id
            for name, payload in payloads.strange().items()
        }

    def add_events_of_actors(self, environment_id: str) -> dict[str, str | None]:
        """One event now for each kind of actor that there may be; the actor's id by the event's.

        Users and guests and agents that exist and such that do not, an API key, a person's token,
        ids of another region and of no known form, and nobody.
        """
        at, account = self.advance(), self.account
        shelves = (
            list(account.users),
            account.guests.of(environment_id),
            account.agents.of(environment_id),
        )
        actors: list[str | None] = [thing.id for shelf in shelves for thing in shelf[:1]]
        actors += [account.ids.new(kind) for kind in ("usr", "g", "ag", "key", "pat")]
        actors += [*(f"eu0_{kind}_00000000" for kind in ("usr", "g", "ag", "key"))]
        actors += ["robot", "us_usr_../../secrets", "us_g_00000000/token", "", None]
        return {
            account.emit("records:deleted", at, environment_id, actor_id=actor).id: actor
            for actor in actors
        }

    def forget_events(self, before: float) -> None:
        """The service shows none from before that moment (Unix seconds) any more."""
        history = self.account.history
        history.forgotten_before = max(history.forgotten_before, before)

    # --------------------------------------------------------------------------------------

    @property
    def _dice(self) -> Random:
        return self.account.dice

    def _space(self, id_: str) -> Space:
        space = self.account.spaces.get(id_)
        if space is None:
            raise KeyError(id_)
        return space

    def _free_name(self) -> str:
        taken = {environment.name for environment in self.account.environments}
        number = 0
        while names.environment(number) in taken:
            number += 1
        return names.environment(number)
