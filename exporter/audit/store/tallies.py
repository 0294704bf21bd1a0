"""The counts that the metrics show. They change in the transaction of what they count.

Only ``records`` could be had from the records, and not once these are pruned.
"""

import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

RECORDS, DUPLICATES, LATE, GAPS = "records", "duplicates", "late", "gaps"
UNRESOLVED, LAG, LAG_SUM, NEWEST = "unresolved", "lag", "lag_sum", "newest"
LAST_GAP = "last_gap"

LAG_BOUNDS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21_600.0, 86_400.0)
"""Upper bounds of the histogram's buckets, in seconds; one more goes up to infinity."""

Key = tuple[str, str]
"""Name and label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """All that the metrics of the audit log need, but for backlogs.

    ``lag`` are the records in each bucket of LAG_BOUNDS and in the one beyond, not cumulated;
    ``lag_sum`` is in seconds. ``last_gap`` (when it was appended), ``newest`` (of events) and
    ``checkpointed`` are Unix seconds.
    ``dead`` is by sink and reason, ``unresolved`` by the actor's kind; ``height`` is the newest
    sequence.
    """

    records: int
    duplicates: int
    late: int
    gaps: int
    last_gap: float | None
    unresolved: Mapping[str, int]
    newest: float | None
    lag: tuple[int, ...]
    lag_sum: float
    dead: Mapping[Key, int]
    height: int
    checkpointed: float | None


def reading(connection: sqlite3.Connection) -> Tallies:
    """What the counts are now."""
    totals: dict[Key, float] = {
        (name, label): total
        for name, label, total in connection.execute("SELECT name, label, total FROM tally")
    }
    buckets = range(len(LAG_BOUNDS) + 1)
    (height,) = connection.execute("SELECT sequence FROM chain").fetchone()
    (checkpointed,) = connection.execute("SELECT max(at) FROM checkpoint").fetchone()
    return Tallies(
        records=int(totals.get((RECORDS, ""), 0)),
        duplicates=int(totals.get((DUPLICATES, ""), 0)),
        late=int(totals.get((LATE, ""), 0)),
        gaps=int(totals.get((GAPS, ""), 0)),
        last_gap=totals.get((LAST_GAP, "")),
        unresolved={label: int(n) for (name, label), n in totals.items() if name == UNRESOLVED},
        newest=totals.get((NEWEST, "")),
        lag=tuple(int(totals.get((LAG, str(bucket)), 0)) for bucket in buckets),
        lag_sum=totals.get((LAG_SUM, ""), 0.0),
        dead={
            (sink, reason): total
            for sink, reason, total in connection.execute(
                "SELECT sink, reason, total FROM dead_total ORDER BY sink, reason"
            )
        },
        height=height,
        checkpointed=checkpointed,
    )


def add(connection: sqlite3.Connection, counted: Mapping[Key, float]) -> None:
    """Add to the counts."""
    connection.executemany(
        "INSERT INTO tally VALUES (?, ?, ?) ON CONFLICT (name, label)"
        " DO UPDATE SET total = total + excluded.total",
        [(*key, amount) for key, amount in counted.items() if amount],
    )


def raise_to(connection: sqlite3.Connection, key: Key, value: float) -> None:
    """Make it ``value`` unless it is more already."""
    connection.execute(
        "INSERT INTO tally VALUES (?, ?, ?) ON CONFLICT (name, label)"
        " DO UPDATE SET total = max(total, excluded.total)",
        (*key, value),
    )


def lags(seconds: Iterable[float]) -> dict[Key, float]:
    """The histogram of these, as amounts for :func:`add`. One below zero counts as zero."""
    lags = [max(0.0, lag) for lag in seconds]
    buckets = Counter(bisect_left(LAG_BOUNDS, lag) for lag in lags)
    return {(LAG, str(bucket)): records for bucket, records in buckets.items()} | {
        (LAG_SUM, ""): sum(lags)
    }
