"""``audit``: does what the arguments say, and says how it ended."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from exporter.audit.place import Place
from exporter.auditor.deadletters import dead_letters, resend
from exporter.auditor.export import export
from exporter.auditor.moments import Moment
from exporter.auditor.redact import redact
from exporter.auditor.selection import Selection
from exporter.auditor.streams import Streams
from exporter.auditor.verify import verify, verify_files
from exporter.errors import AuditError, RoundError

Backfill = Callable[[Moment], Awaitable[int]]


def run(
    chosen: argparse.Namespace, place: Place, streams: Streams, backfill: Backfill, *, now: float
) -> int:
    """Run the subcommand; its exit code.

    ``backfill`` is given the time to begin at; ``now`` is Unix seconds. Raises BrokenPipeError:
    whoever read the output has seen enough.
    """
    try:
        return _run(chosen, place, streams, backfill, now)
    except (AuditError, RoundError) as error:
        streams.progress("")
        streams.complain(str(error))
        return 1


def _run(
    chosen: argparse.Namespace, place: Place, streams: Streams, backfill: Backfill, now: float
) -> int:
    match chosen.action:
        case "export":
            return export(place, _selection(chosen, now), chosen.format, streams)
        case "verify" if chosen.from_file:
            return verify_files(chosen.from_file, chosen.public_key, chosen.head, streams)
        case "verify":
            return verify(place, chosen.public_key, chosen.head, streams)
        case "dead-letters":
            return dead_letters(place, chosen.sink, streams)
    return asyncio.run(_write(chosen, place, streams, backfill))


async def _write(
    chosen: argparse.Namespace, place: Place, streams: Streams, backfill: Backfill
) -> int:
    match chosen.action:
        case "redact":
            return await redact(place, chosen.person, streams, sure=chosen.yes)
        case "resend":
            return await resend(place, chosen.sink, streams)
        case _:
            return await backfill(chosen.since)


def _selection(chosen: argparse.Namespace, now: float) -> Selection:
    return Selection(
        since=None if chosen.since is None else chosen.since.unix(now),
        until=None if chosen.until is None else chosen.until.unix(now),
        environments=frozenset(chosen.environment),
        spaces=frozenset(chosen.space),
        actors=frozenset(chosen.actor),
        topics=tuple(chosen.topic),
    )
