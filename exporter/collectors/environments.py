"""The account, its environments, and which of them are in declared maintenance."""

import asyncio
from dataclasses import dataclass

from exporter.collectors.contract import Collector, Observation, Round
from exporter.collectors.maintenance import covered, declared
from exporter.errors import RoundError
from exporter.families import gauge, info, one
from exporter.flatfile.models import Account, Environment
from exporter.flatfile.whole import Whole

_ACCOUNT_LASTS = 3_600.0  # seconds; an account is hardly ever renamed


@dataclass(frozen=True, slots=True, kw_only=True)
class Environments:
    """``environments`` are those of this shard, of as many as are ``listed``.

    ``account`` is None where the credential may not read it, and where another shard speaks for it;
    ``account_at`` is loop time. ``maintenance`` are the ids of the environments for which an
    operator has declared it.
    """

    environments: tuple[Environment, ...]
    listed: int
    maintenance: frozenset[str]
    account: Account | None
    account_at: float


async def look(this: Round[Environments]) -> Observation[Environments]:
    """One listing, and once in a while the account's name."""
    # What another collector has listed a moment ago, at the start, need not be listed again.
    # An older one is no success of this round: it would say that all is well during an outage.
    listed = await this.directory.admitted(this.flatfile, max_age=this.interval / 2, serve_on=False)
    this.offer(Whole(things=listed, kind=Environment, wall=this.wall))
    own = tuple(e for e in listed if this.settings.shard.owns(e.id))
    account, at = await _account(this)
    loop = asyncio.get_running_loop()
    windows = await loop.run_in_executor(None, declared, this.settings.maintenance)
    return Observation(
        data=Environments(
            environments=own,
            listed=len(listed),
            maintenance=covered(windows, own, this.wall),
            account=account,
            account_at=at,
        ),
        environments=frozenset(environment.id for environment in own),
        plan="account-wide",
    )


async def _account(this: Round[Environments]) -> tuple[Account | None, float]:
    """The account is worth a label, not a failed round: on an error the last one stays."""
    if not this.settings.shard.first:
        return None, this.now
    before = this.previous
    if before and before.account and this.now - before.account_at < _ACCOUNT_LASTS:
        return before.account, before.account_at
    try:
        return await this.flatfile.account(), this.now
    except RoundError:
        return (before.account if before else None), this.now


COLLECTOR = Collector(
    name="environments",
    look=look,
    essential=True,
    families=(
        info(
            "flatfile_account_info",
            "The account that the credential belongs to.",
            ("account_id", "account_name"),
            lambda seen: [(seen.account.id, seen.account.name)] if seen.account else [],
        ),
        gauge(
            "flatfile_environments",
            "Environments of the account.",
            lambda seen: one(seen.listed),
        ),
        info(
            "flatfile_environment_info",
            "Name of an environment, and whether it is for production.",
            ("environment_id", "environment_name", "production"),
            lambda seen: [
                (e.id, e.name, "true" if e.production else "false") for e in seen.environments
            ],
        ),
        gauge(
            "flatfile_environment_maintenance",
            "1 while an operator has declared maintenance for the environment, else 0.",
            lambda seen: [((e.id,), e.id in seen.maintenance) for e in seen.environments],
            ("environment_id",),
        ),
    ),
)
