"""A listing that was read whole, offered to whoever keeps such things.

Collectors count and forget. The audit log has to know who was there, by name, and what differs
from the listing before; it takes what is listed anyway, so that no question is asked twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.flatfile.models import Agent, Environment, Guest, Space, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """``things`` are all there are, at ``wall`` (Unix seconds), of one kind.

    ``environment_ids`` are those that were looked at: a guest of another one is not missing, and
    agents are listed for one environment at a time. Empty where the whole account was.
    """

    things: Sequence[User | Guest | Agent | Environment | Space]
    kind: type[User | Guest | Agent | Environment | Space]
    wall: float
    environment_ids: frozenset[str] = frozenset()


Offer = Callable[[Whole], None]


def ignore(_: Whole) -> None:
    """Where nobody keeps anything."""
