"""Users of the account, and how many were there lately."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.collectors.contract import Collector, Observation, Round
from exporter.families import gauge, one
from exporter.flatfile.models import User
from exporter.flatfile.whole import Whole

_DAY = 86_400.0
WINDOWS: Mapping[str, float] = {"24h": _DAY, "7d": 7 * _DAY, "30d": 30 * _DAY}
"""Seconds, by the value of the label ``window``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """``active`` counts those last seen within a window, by its label."""

    total: int
    active: Mapping[str, int]


async def look(this: Round[Users]) -> Observation[Users]:
    """One listing; ``lastSeenAt`` cannot be counted by the server (API notes, section 8)."""
    users = await this.flatfile.users()
    this.offer(Whole(things=users, kind=User, wall=this.wall))
    seen = [user.last_seen_at for user in users if user.last_seen_at is not None]
    active = {
        label: sum(1 for at in seen if at > this.wall - window) for label, window in WINDOWS.items()
    }
    return Observation(data=Users(total=len(users), active=active), plan="account-wide")


COLLECTOR = Collector(
    name="users",
    look=look,
    families=(
        gauge("flatfile_users", "Users of the account.", lambda seen: one(seen.total)),
        gauge(
            "flatfile_active_users",
            "Users last seen within the window.",
            lambda seen: [((window,), count) for window, count in seen.active.items()],
            ("window",),
        ),
    ),
)
