"""How much may wait for a sink, and what happens beyond that."""

from dataclasses import dataclass
from enum import StrEnum, unique

FULL = "backlog_full"
"""Reason of the dead letters that :attr:`Policy.SKIP` makes."""

_LOW = 0.9
"""Share of the limit that is free of consequences again. Without the distance, a sink that is as
fast as the feed would have it stop and go at every batch."""


@unique
class Policy(StrEnum):
    BLOCK = "block"
    """The feed waits: nothing is lost for as long as Flatfile keeps its events."""
    SKIP = "skip"
    """The oldest records become dead letters of the sink that is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """``limit`` is bytes of records that may wait for the slowest sink."""

    limit: int
    policy: Policy = Policy.BLOCK

    @property
    def low(self) -> int:
        return int(self.limit * _LOW)


def blocked(cap: Cap, waiting: int, *, before: bool) -> bool:
    """Whether the feed has to wait, while ``waiting`` bytes wait for the slowest sink.

    ``before`` is whether it had to until now.
    """
    return cap.policy is Policy.BLOCK and waiting > (cap.low if before else cap.limit)


def excess(cap: Cap, waiting: int) -> int:
    """Bytes of the oldest records to give up for a sink for which so many bytes wait."""
    return waiting - cap.low if cap.policy is Policy.SKIP and waiting > cap.limit else 0
