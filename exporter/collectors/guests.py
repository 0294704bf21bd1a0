"""Guests of each environment, each counted once.

The contract lists guests Space by Space, without pages; whether an account's token may ask
without a Space is not known (API notes, sections 8 and 14.5). So it is tried, and believed only
where a few Spaces agree with it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.spacecount import every_space
from exporter.collectors.sweep import shortfall, spread, sweep
from exporter.errors import NotFound, Refused, Unexpected
from exporter.families import gauge
from exporter.flatfile.models import Guest, Space
from exporter.flatfile.whole import Whole

_SAMPLE = 5  # Spaces asked to confirm an account-wide answer
_WORKERS = 2  # few: hundreds of these questions must not stand before one about an agent
_SHARE = 0.8  # of the interval over which a round is spread; the rest is for being late


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """How many guests each environment has, and whether the account's list tells of all of them."""

    counts: Mapping[str, int]
    account_wide: bool


async def look(this: Round[Guests]) -> Observation[Guests]:
    """One question if the server allows it, else Space by Space, spread over the interval."""
    environments = [environment.id for environment in await this.environments()]
    guests = await _all_at_once(this)
    plan = "account-wide"
    if guests is None:
        spaces = await every_space(
            this.flatfile, environments, workers=this.settings.api.concurrency
        )
        ids = [space.id for _, space in spaces]
        this.offer(Whole(things=[space for _, space in spaces], kind=Space, wall=this.wall))
        if this.previous is None:
            guests = await _account_wide(this, ids)
    # What refuses once may have been in trouble: where it has answered it is asked again.
    account_wide = guests is not None or bool(this.previous and this.previous.account_wide)
    if guests is None:
        plan = "Space by Space"
        guests = await _space_by_space(this, environments, ids)
    once = tuple({guest.id: guest for guest in guests}.values())
    this.offer(
        Whole(things=once, kind=Guest, wall=this.wall, environment_ids=frozenset(environments))
    )
    counted = Counter(guest.environment_id for guest in once)
    counts = {environment_id: counted[environment_id] for environment_id in environments}
    return Observation(data=Guests(counts=counts, account_wide=account_wide), plan=plan)


async def _all_at_once(this: Round[Guests]) -> Sequence[Guest] | None:
    """Where the first round found that the account's list is whole; else None.

    That is found out once: asking in vain would cost a request each time.
    """
    if this.previous is None or not this.previous.account_wide:
        return None
    try:
        return await this.flatfile.guests()
    except (Refused, Unexpected):
        return None


async def _account_wide(this: Round[Guests], space_ids: Sequence[str]) -> Sequence[Guest] | None:
    """None if it cannot be had, or if a Space knows a guest that the account does not.

    What the server refuses may come in many ways, and a large account's answer without pages may
    be too large; only what may pass by itself fails the round.
    """
    try:
        everyone = await this.flatfile.guests()
    except (Refused, Unexpected):
        return None
    known = {guest.id for guest in everyone}
    for space_id in spread(space_ids, _SAMPLE):
        try:
            some = await this.flatfile.guests(space_id)
        except NotFound:  # deleted since it was listed
            continue
        if any(guest.id not in known for guest in some):
            return None
    return everyone


async def _space_by_space(
    this: Round[Guests], environments: Sequence[str], space_ids: Sequence[str]
) -> Sequence[Guest]:
    missing: set[str] = set()

    async def ask(space_id: str) -> tuple[Guest, ...]:
        try:
            return await this.flatfile.guests(space_id)
        except NotFound:
            missing.add(space_id)
            return ()

    # The first round hurries, so that there is something to see.
    pace = _SHARE * this.interval / len(space_ids) if this.previous and space_ids else 0.0
    workers = min(_WORKERS, this.settings.api.concurrency)
    swept = await sweep(space_ids, ask, workers=workers, pace=pace)
    found = list(swept.answers.values())
    left = [space_id for space_id in space_ids if space_id not in swept.answers]
    if left:  # an hour's work is worth a second try before it is thrown away
        again = await sweep(left, ask, workers=workers)
        found.extend(again.answers.values())
        error = shortfall(again.failures, len(space_ids), "Spaces' guests")
        if error:
            raise error
    if missing:
        await _check_deleted(this, environments, missing)
    return [guest for guests in found for guest in guests]


async def _check_deleted(
    this: Round[Guests], environments: Sequence[str], missing: AbstractSet[str]
) -> None:
    """Raises NotFound unless those Spaces were deleted since they were listed."""
    spaces = await every_space(this.flatfile, environments, workers=this.settings.api.concurrency)
    there = sum(space.id in missing for _, space in spaces)
    if there:
        raise NotFound(
            f"GET /guests answered 404 for {there} Spaces that are listed; if this stays, the"
            " credential may not ask for them: use one of an administrator"
        )


COLLECTOR = Collector(
    name="guests",
    look=look,
    families=(
        gauge(
            "flatfile_environment_guests",
            "Guests, each counted once.",
            lambda seen: [((of,), count) for of, count in seen.counts.items()],
            ("environment_id",),
        ),
    ),
)
