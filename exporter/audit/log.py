"""What the store says of itself, for the metrics and for the page."""

import sqlite3

from exporter.audit.families import LogReading, SinkReading
from exporter.audit.feed.scopes import READ
from exporter.audit.store import cursors, delivery, tallies
from exporter.families import Buckets


def read(connection: sqlite3.Connection) -> LogReading:
    """All that is shown of the log, as of now."""
    found = tallies.reading(connection)
    backlog = delivery.backlog(connection)
    return LogReading(
        records=found.records,
        duplicates=found.duplicates,
        late=found.late,
        gaps=found.gaps,
        last_gap=found.last_gap,
        unresolved=found.unresolved,
        newest_event=found.newest,
        lag=Buckets(bounds=tallies.LAG_BOUNDS, counts=found.lag, total=found.lag_sum),
        height=found.height,
        last_checkpoint=found.checkpointed,
        last_success=cursors.mark(connection, READ),
        sinks={
            name: SinkReading(
                backlog=waiting.records,
                oldest_unsent=waiting.oldest,
                dead_letters={
                    reason: int(total)
                    for (sink, reason), total in found.dead.items()
                    if sink == name
                },
            )
            for name, waiting in backlog.items()
        },
    )
