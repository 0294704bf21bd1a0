"""``audit backfill``: reads what was before the log began, beside a daemon or without one."""

import time
from collections.abc import Sequence
from functools import partial
from random import Random

from exporter.app.link import open_session
from exporter.audit.feed.backfill import Backfill, Backfilled
from exporter.audit.feed.contract import Options, Parcel
from exporter.audit.intake import Intake
from exporter.audit.joining import Options as Joining
from exporter.audit.place import Place
from exporter.audit.store.times import iso
from exporter.auditor.moments import Moment
from exporter.auditor.opening import writing
from exporter.auditor.streams import Streams
from exporter.errors import RoundError
from exporter.flatfile.protocol import Flatfile
from exporter.settings import Settings

SOURCE = "backfill"


async def backfill(settings: Settings, place: Place, since: Moment, streams: Streams) -> int:
    """Read from ``since`` to now; 0 if all of it was read, else 1.

    Raises ConfigurationError, StorageFailed, and a RoundError if nothing can be asked at all.
    """
    session = open_session(settings, wall=time.time, rng=Random())
    try:
        async with writing(place) as database:
            intake = Intake(
                database=database,
                options=Joining(payload_fields=frozenset(settings.audit.payload_fields)),
                keep_plain=settings.audit.personal_data == "plain",
                workers=settings.api.concurrency,
            )
            found = await Backfill(
                name=since.name,
                since=since.unix(time.time()),
                flatfile=session.flatfile,
                database=database,
                environments=partial(_environments, session.flatfile),
                store=partial(_store, intake, session.flatfile),
                may_feed=lambda: True,  # who asks for years of history wants them whatever waits
                options=Options(
                    overlap=settings.audit.overlap,
                    settle=settings.audit.settle,
                    page_size=settings.api.page_size,
                    workers=settings.api.concurrency,
                ),
                wall=time.time,
                tell=partial(_tell, streams),
            ).run()
    finally:
        await session.aclose()
    streams.progress("")
    return _said(found, streams)


async def _environments(flatfile: Flatfile) -> Sequence[str]:
    return tuple(environment.id for environment in await flatfile.environments())


async def _store(intake: Intake, flatfile: Flatfile, parcel: Parcel) -> int:
    return (await intake.keep(flatfile, parcel, source=SOURCE, now=time.time())).records


def _tell(streams: Streams, state: Backfilled) -> None:
    streams.progress(
        f"{state.done} of {state.environments} environments, {state.added} records added"
    )


def _said(found: Backfilled, streams: Streams) -> int:
    streams.say(
        f"{found.added} records added, {found.done} of {found.environments} environments read"
        f" whole, {found.gaps} gaps"
    )
    if found.oldest is not None:  # no gap tells of what was forgotten before anybody asked
        streams.say(f"the oldest event that Flatfile still showed is of {iso(found.oldest)}")
    for environment_id, error in found.failed.items():
        _complain(streams, f"environment {environment_id}", error)
    if found.error is not None:
        _complain(streams, "Flatfile", found.error)
    if found.whole:
        return 0
    streams.complain("not everything was read; the same command goes on where this one ended")
    return 1


def _complain(streams: Streams, what: str, error: RoundError) -> None:
    streams.complain(f"{what}: {error.reason}: {error}")
