"""Whether the account's own event feed is that of all its environments.

That the question without an environment is answered for all of them is a promise of prose only
(API notes, sections 9.1 and 14.2).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from exporter.collectors.eventfeed import EventFeed
from exporter.errors import BadRequest, Forbidden

_REFUSED = 300.0  # seconds until a feed that was refused, or is not proven, is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Whether the account's own feed serves, and since when that is not quite certain."""

    account_wide: bool
    refused_at: float | None = None
    """Loop time at which the account's own feed was last refused, if that is why it is not used."""
    unproven_at: float | None = None
    """Loop time at which that feed was taken for that of all although nothing spoke for it."""


async def read_account(
    feed: EventFeed,
    environment_ids: Callable[[], Awaitable[Sequence[str]]],
    *,
    before: Way | None,
    now: float,
) -> Way:
    """Count what the account's own feed shows, if it can be had and is that of all environments.

    One refusal may be trouble of the moment, and so may be silence. ``environment_ids`` are asked
    for where that is to be found out, ``now`` is loop time. Raises a leaf of RoundError.
    """
    if before is not None and not before.account_wide:
        at = before.refused_at
        if at is None or now - at < _REFUSED:
            return before
    try:
        await feed.read(None)
    except (BadRequest, Forbidden):
        return Way(account_wide=False, refused_at=now)
    if before is not None and before.account_wide:
        at = before.unproven_at
        if at is None or now - at < _REFUSED:
            return before
    return await _judged(feed, await environment_ids(), now)


async def _judged(feed: EventFeed, environment_ids: Sequence[str], now: float) -> Way:
    sample = await feed.sample(environment_ids)
    if await feed.lacks(sample):
        # What an environment has and the account has not may have happened in between: look again.
        await feed.read(None)
        if await feed.lacks(sample):
            return Way(account_wide=False)
    shown = {item.environment_id for item in sample}
    proven = len(shown) > 1 or shown == set(environment_ids)
    return Way(account_wide=True, unproven_at=None if proven else now)
