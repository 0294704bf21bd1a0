"""What is asked of Flatfile while the rest of the daemon is imported: a token, the environments.

Every first round waits for both, some answers one after another; the imports take about as long.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from exporter.app.link import Link, open_session
from exporter.collectors.directory import Directory
from exporter.errors import RoundError
from exporter.flatfile.session import Session
from exporter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """For the first generation, which waits for ``listing`` or cancels it."""

    session: Session
    directory: Directory
    listing: asyncio.Task[None]

    async def drop(self) -> None:
        """Where there is no generation to use it."""
        self.listing.cancel()
        await asyncio.wait({self.listing})
        await self.session.aclose()


def directory_of(settings: Settings) -> Directory:
    """Of nothing yet."""
    return Directory(settings.filter.environments.admits, settings.shard.owns)


def ask_ahead(settings: Settings, rng: Random, link: Link = open_session) -> Ahead:
    """Begin. Raises ConfigurationError like ``link``."""
    session = link(settings, wall=time.time, rng=rng, before=None)
    directory = directory_of(settings)
    listing = asyncio.create_task(_list(session, directory), name="ahead")
    return Ahead(session=session, directory=directory, listing=listing)


async def _list(session: Session, directory: Directory) -> None:
    with suppress(RoundError):  # the rounds ask again, and say so
        await directory.admitted(session.flatfile, max_age=0.0)
