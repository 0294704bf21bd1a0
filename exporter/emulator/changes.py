"""The changes that customers make to the account now and then, by themselves.

No agent and no environment vanishes here: only somebody at the controls takes one away.
"""

from collections.abc import Callable
from random import Random

from exporter.emulator import names
from exporter.emulator.account import Account
from exporter.emulator.deeds import Deeds
from exporter.emulator.things import Space
from exporter.emulator.times import DAY

_REGULAR = 0.95  # of the sign-ins are by people who were here within a day

Change = Callable[[Account, Deeds, Random, Space, float], object]


def change(account: Account, dice: Random, space: Space, at: float) -> None:
    """Something happens in or beside that Space."""
    chosen = dice.choices(_CHANGES, _WEIGHTS)[0]
    chosen(account, Deeds(account), dice, space, at)


def sign_in(account: Account, dice: Random, at: float) -> None:
    users = list(account.users)
    if dice.random() < _REGULAR:
        users = [user for user in users if (user.last_seen_at or 0.0) > at - DAY]
    if users:
        Deeds(account).see_user(dice.choice(users), at)


def _uninvite(account: Account, deeds: Deeds, dice: Random, space: Space, at: float) -> None:
    if guests := account.guests.of(space.id):
        deeds.remove_guest(dice.choice(guests), at)


def _redeploy(account: Account, deeds: Deeds, dice: Random, space: Space, at: float) -> None:
    if agents := account.agents.of(space.environment_id):
        deeds.redeploy_agent(dice.choice(agents), at)


# Coming and going nearly balance, so that an account neither empties nor swells in a week.
_TABLE: tuple[tuple[int, Change], ...] = (
    (6, lambda _a, deeds, _d, space, at: deeds.add_guest([space], at)),
    (5, _uninvite),
    (6, lambda _a, deeds, d, s, at: deeds.create_space(s.environment_id, names.space(d), at)),
    (5, lambda _a, deeds, _d, space, at: deeds.delete_space(space, at)),
    (5, lambda _a, deeds, d, space, at: deeds.rename_space(space, names.space(d), at)),
    (2, lambda _a, deeds, _d, space, at: deeds.archive_space(space, at)),
    (1, lambda _a, deeds, _d, space, at: deeds.expire_space(space, at)),
    (2, _redeploy),
)
_WEIGHTS = tuple(weight for weight, _ in _TABLE)
_CHANGES = tuple(done for _, done in _TABLE)
