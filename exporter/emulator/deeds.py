"""What can be done to an account; each deed leaves the event that Flatfile would send.

Nothing here looks at a clock: `at` is Unix seconds, and not before the newest deed.
"""

from collections.abc import Iterable
from dataclasses import replace

from exporter.emulator import names, payloads, topics
from exporter.emulator.account import Account
from exporter.emulator.things import Agent, Environment, Guest, Space, User

AgentTopics = tuple[str, ...]


class Deeds:
    def __init__(self, account: Account) -> None:
        self._account = account

    # Environments -------------------------------------------------------------------------

    def create_environment(self, name: str, at: float, *, is_prod: bool = False) -> Environment:
        a = self._account
        environment = a.environments.put(Environment(a.ids.new("env"), name, is_prod, at))
        payload = payloads.environment(environment)
        a.emit("environment:created", at, environment.id, subject=environment.id, payload=payload)
        return environment

    def delete_environment(self, id_: str, at: float) -> bool:
        """Everything in it goes with it, without an event for each."""
        a = self._account
        if a.environments.drop(id_) is None:
            return False
        for shelf in (a.spaces, a.agents, a.guests):
            for thing in list(shelf.ids(id_)):
                shelf.drop(thing)
        a.removed_agents.pop(id_, None)
        a.emit("environment:deleted", at, id_, subject=id_)
        return True

    # Agents -------------------------------------------------------------------------------

    def deploy_agent(
        self,
        environment_id: str,
        slug: str,
        at: float,
        *,
        is_system: bool = False,
        silent: bool = False,
    ) -> Agent:
        """An upsert by slug (section 7): a known slug is the same agent in a new version.

        Here and below, `silent` leaves out the event.
        """
        a = self._account
        for agent in a.agents.of(environment_id):
            if agent.slug == slug and agent.is_system == is_system:
                return self.redeploy_agent(agent, at, silent=silent)
        listened: AgentTopics = topics.SYSTEM_LISTENED if is_system else topics.LISTENED
        agent = Agent(a.ids.new("ag"), environment_id, slug, listened, is_system, at, at)
        a.agents.put(agent)
        if not silent:
            self._said("agent:created", agent, at)
        return agent

    def redeploy_agent(self, agent: Agent, at: float, *, silent: bool = False) -> Agent:
        newer = replace(agent, updated_at=at, version=agent.version + 1)
        self._account.agents.put(newer)
        if not silent:
            self._said("agent:updated", newer, at)
        return newer

    def delete_agent(self, id_: str, at: float, *, silent: bool = False) -> bool:
        agent = self._account.agents.drop(id_)
        if agent is None:
            return False
        self._account.removed_agents.setdefault(agent.environment_id, []).append(agent)
        if not silent:
            self._said("agent:deleted", agent, at)
        return True

    def restore_agents(self, environment_id: str, at: float) -> list[Agent]:
        """Deploys again what was taken away (under new ids, as a deploy does), else `default`."""
        removed = self._account.removed_agents.pop(environment_id, [])
        if removed:
            return [
                self.deploy_agent(environment_id, old.slug, at, is_system=old.is_system)
                for old in removed
            ]
        return [self.deploy_agent(environment_id, "default", at)]

    # Spaces -------------------------------------------------------------------------------

    def create_space(self, environment_id: str, name: str, at: float) -> Space:
        a = self._account
        author = self._someone()
        space = Space(a.ids.new("sp"), environment_id, name, at, at, author, None)
        a.spaces.put(space)
        self._of_space("space:created", space, at, actor_id=author)
        return space

    def rename_space(self, space: Space, name: str, at: float) -> Space:
        newer = self._account.spaces.put(replace(space, name=name, updated_at=at))
        self._of_space("space:updated", newer, at, actor_id=self._someone())
        return newer

    def archive_space(self, space: Space, at: float) -> Space:
        newer = self._account.spaces.put(replace(space, archived_at=at, updated_at=at))
        self._of_space("space:archived", newer, at)
        return newer

    def expire_space(self, space: Space, at: float) -> Space:
        """Retention removes the data; the Space stays in the list (section 6)."""
        newer = self._account.spaces.put(replace(space, expired_at=at, updated_at=at))
        self._of_space("space:expired", newer, at)
        return newer

    def delete_space(self, space: Space, at: float) -> None:
        a = self._account
        for guest in a.guests.of(space.id):
            rest = tuple(id_ for id_ in guest.space_ids if id_ != space.id)
            if rest:
                a.guests.put(replace(guest, space_ids=rest, updated_at=at))
            else:
                a.guests.drop(guest.id)
        a.spaces.drop(space.id)
        self._of_space("space:deleted", space, at, actor_id=self._someone())

    # People -------------------------------------------------------------------------------

    def add_guest(self, spaces: Iterable[Space], at: float) -> Guest:
        """To one or more Spaces of one environment."""
        a = self._account
        invited = tuple(spaces)
        a.people += 1
        name, email = names.person(a.people)
        environment_id = invited[0].environment_id
        ids = tuple(space.id for space in invited)
        guest = a.guests.put(Guest(a.ids.new("g"), environment_id, ids, name, email, at, at))
        for space in invited:
            self._of_space("space:guestAdded", space, at)
        return guest

    def remove_guest(self, guest: Guest, at: float) -> None:
        """From all of its Spaces."""
        a = self._account
        a.guests.drop(guest.id)
        for space_id in guest.space_ids:
            if space := a.spaces.get(space_id):
                self._of_space("space:guestRemoved", space, at)

    def add_user(self, at: float, last_seen_at: float | None = None) -> User:
        """No event exists for it (section 1, point 8)."""
        a = self._account
        a.people += 1
        name, email = names.person(a.people)
        return a.users.put(User(a.ids.new("usr"), name, email, at, at, last_seen_at))

    def rename_user(
        self, user: User, at: float, *, name: str | None = None, email: str | None = None
    ) -> User:
        """Another name or address, or both; by default another canary. No event exists for it."""
        name, email = self._other_name(user, name, email)
        return self._account.users.put(replace(user, name=name, email=email, updated_at=at))

    def rename_guest(
        self, guest: Guest, at: float, *, name: str | None = None, email: str | None = None
    ) -> Guest:
        name, email = self._other_name(guest, name, email)
        return self._account.guests.put(replace(guest, name=name, email=email, updated_at=at))

    def see_user(self, user: User, at: float) -> User:
        seen = max(at, user.last_seen_at or at)
        return self._account.users.put(replace(user, last_seen_at=seen, updated_at=seen))

    # ------------------------------------------------------------------------------------

    def _other_name(
        self, person: User | Guest, name: str | None, email: str | None
    ) -> tuple[str, str]:
        if name is None and email is None:
            self._account.people += 1
            name, _ = names.person(self._account.people)
        return person.name if name is None else name, person.email if email is None else email

    def _someone(self) -> str | None:
        users = [user.id for user in self._account.users]
        return self._account.dice.choice(users) if users else None

    def _said(self, topic: str, agent: Agent, at: float) -> None:
        payload = payloads.agent(agent)
        self._account.emit(
            topic,
            at,
            agent.environment_id,
            actor_id=self._someone(),
            subject=agent.id,
            payload=payload,
        )

    def _of_space(
        self, topic: str, space: Space, at: float, *, actor_id: str | None = None
    ) -> None:
        self._account.emit(
            topic,
            at,
            space.environment_id,
            space_id=space.id,
            actor_id=actor_id,
            subject=space.id,
            payload=payloads.space(space),
        )
