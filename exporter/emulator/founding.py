"""The account as it is found at the start: founded in the past, lived in since."""

from random import Random

from exporter.emulator import names, topics
from exporter.emulator.account import Account
from exporter.emulator.history import History
from exporter.emulator.ids import Ids
from exporter.emulator.scale import Scale
from exporter.emulator.things import Agent, Environment, Guest, Space, User
from exporter.emulator.times import DAY, HOUR

_AGE = 700 * DAY
# How long ago a user was last seen: (share, at least, at most); the rest never signed in.
_SEEN = ((0.3, 0, DAY), (0.25, DAY, 7 * DAY), (0.2, 7 * DAY, 30 * DAY), (0.15, 30 * DAY, 300 * DAY))
_ARCHIVED, _EXPIRED, _TWO_SPACES, _WITH_APP = 0.12, 0.08, 0.25, 0.7


def found(scale: Scale, seed: int, at: float) -> Account:
    """An account of that scale as it stands at `at` (Unix seconds), before its newest events."""
    ids, dice = Ids(seed), Random(f"account {seed}")
    account = Account(
        id=ids.new("acc"),
        name="Fernwood Logistics",
        created_at=round(at - _AGE, 3),
        ids=ids,
        dice=dice,
        history=History(scale.keep_events),
    )
    _Founder(account, scale, at).work()
    return account


class _Founder:
    def __init__(self, account: Account, scale: Scale, at: float) -> None:
        self.account, self.scale, self.at = account, scale, at
        self.dice, self.ids = account.dice, account.ids

    def work(self) -> None:
        self._users()
        for number in range(self.scale.environments):
            name = names.environment(number)
            created = self._past(_AGE, 400 * DAY)
            environment = Environment(self.ids.new("env"), name, names.is_production(name), created)
            self.account.environments.put(environment)
            self._agents(environment, number)
        self._spaces()
        self._guests()

    def _past(self, longest: float, shortest: float = 0.0) -> float:
        return round(self.at - self.dice.uniform(shortest, longest), 3)

    def _moments(self, count: int, longest: float, shortest: float) -> list[float]:
        """Sorted, since a shelf is in the order of creation."""
        return sorted(self._past(longest, shortest) for _ in range(count))

    def _person(self) -> tuple[str, str]:
        self.account.people += 1
        return names.person(self.account.people)

    def _users(self) -> None:
        for created in self._moments(self.scale.users, _AGE, 300 * DAY):
            point, seen = self.dice.random(), None
            for share, least, most in _SEEN:
                if point < share:
                    seen = self._past(most, least)
                    break
                point -= share
            name, email = self._person()
            user = User(self.ids.new("usr"), name, email, created, seen or created, seen)
            self.account.users.put(user)

    def _agents(self, environment: Environment, number: int) -> None:
        if environment.name == "sandbox":
            return  # the one that has never had an agent
        least, most = self.scale.agents_per_environment
        chosen = names.AGENT_SLUGS[: self.dice.randint(least, most)]
        slugs = [(slug, False) for slug in chosen]
        if number % 2 == 0:
            slugs += [(slug, True) for slug in self.dice.sample(names.SYSTEM_SLUGS, 2)]
        for (slug, is_system), created in zip(
            slugs, self._moments(len(slugs), 390 * DAY, 60 * DAY), strict=True
        ):
            listened = topics.SYSTEM_LISTENED if is_system else topics.LISTENED
            updated = self._past(50 * DAY, 3 * HOUR)
            agent = Agent(
                self.ids.new("ag"),
                environment.id,
                slug,
                listened,
                is_system,
                created,
                updated,
                self.dice.randint(1, 40),
            )
            self.account.agents.put(agent)

    def _spaces(self) -> None:
        environments = list(self.account.environments)
        users: list[str | None] = [user.id for user in self.account.users] or [None]
        if not environments:
            return
        # The first environments are the busy ones; with many of them it evens out.
        weights = [1 / (1 + rank / 4) for rank in range(len(environments))]
        count = self.scale.spaces
        homes = self.dice.choices(environments, weights, k=count)
        apps = [self.ids.new("app") for _ in range(3)]
        moments = self._moments(count, 380 * DAY, 3 * HOUR)
        for home, created in zip(homes, moments, strict=True):
            point = self.dice.random()
            later = round(self.dice.uniform(created, self.at - 2 * HOUR), 3)
            space = Space(
                self.ids.new("sp"),
                home.id,
                names.space(self.dice),
                created,
                later,
                self.dice.choice(users),
                self.dice.choice(apps) if self.dice.random() < _WITH_APP else None,
                archived_at=later if point < _ARCHIVED else None,
                # Some of the expired are archived as well.
                expired_at=later if _ARCHIVED * 0.8 < point < _ARCHIVED + _EXPIRED else None,
                last_activity_at=later,
            )
            self.account.spaces.put(space)

    def _guests(self) -> None:
        spaces = list(self.account.spaces)
        if not spaces:
            return
        for created in self._moments(self.scale.guests, 200 * DAY, 3 * HOUR):
            first = self.dice.choice(spaces)
            ids = [first.id]
            if self.dice.random() < _TWO_SPACES:
                second = self.dice.choice(self.account.spaces.ids(first.environment_id))
                ids += [second] if second != first.id else []
            name, email = self._person()
            guest = Guest(
                self.ids.new("g"), first.environment_id, tuple(ids), name, email, created, created
            )
            self.account.guests.put(guest)
