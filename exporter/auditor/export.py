"""``audit export``: records, in order, to standard output; beside the daemon and read-only."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

from exporter.audit import people
from exporter.audit.formats import FORMATS, csv
from exporter.audit.knowledge import names
from exporter.audit.knowledge.versions import Thing
from exporter.audit.place import Place
from exporter.audit.record import Entry
from exporter.audit.store import chain, reading
from exporter.auditor.amendments import Amendments
from exporter.auditor.opening import reading as opened
from exporter.auditor.selection import Selection
from exporter.auditor.streams import Streams
from exporter.errors import StorageFailed

CHOICES = (*FORMATS, "csv")
# Records asked for at once. Each answer ends its read transaction: one that stayed open through a
# long export would keep SQLite from folding its journal into the file (documentation of WAL,
# "Avoiding Excessively Large WAL Files").
_AT_ONCE = 1_000


def export(place: Place, selection: Selection, form: str, streams: Streams) -> int:
    """Write what is wanted in that format. Raises StorageFailed, BrokenPipeError.

    Ends with the newest record that stood when it began. An actor who was unresolved is shown as
    an amendment said later, flagged.
    """
    with opened(place) as connection:
        wanted = _resolved(connection, selection, streams)
        try:
            _write(connection, wanted, form, streams)
            streams.out.flush()  # so that a broken pipe is met here and not at the end of all
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StorageFailed(
                f"the output cannot be written: {error.strerror or error}; make room and run it "
                "again, for what was written is cut short"
            ) from error
    return 0


def _write(connection: sqlite3.Connection, wanted: Selection, form: str, streams: Streams) -> None:
    line, end = _writer(form)
    if form == "csv":
        streams.out.write(csv.header())
    amendments = Amendments(connection)
    for entry in _scan(connection, wanted, streams):
        if wanted.admits(entry):
            streams.out.write(line(amendments.applied(entry)) + end)
    streams.progress("")


def _writer(form: str) -> tuple[Callable[[Entry], bytes], bytes]:
    return (csv.row, b"") if form == "csv" else (FORMATS[form], b"\n")


def _resolved(connection: sqlite3.Connection, selection: Selection, streams: Streams) -> Selection:
    """The same with the ids of what was given by name."""
    actors: set[str] = set()
    for given in selection.actors:
        found = people.find(connection, given)
        if len(found) > 1:
            streams.complain(f"{len(found)} people go by that: {', '.join(found)}")
        actors |= {given, *found}
    return replace(
        selection,
        actors=_named(connection, Thing.AGENT, frozenset(actors)),
        environments=_named(connection, Thing.ENVIRONMENT, selection.environments),
        spaces=_named(connection, Thing.SPACE, selection.spaces),
    )


def _named(connection: sqlite3.Connection, kind: Thing, given: frozenset[str]) -> frozenset[str]:
    """With the ids of those that have such a name now: a record may not know the name."""
    return given | names.called(connection, kind, given)


def _scan(connection: sqlite3.Connection, wanted: Selection, streams: Streams) -> Iterator[Entry]:
    """Every record among which those of the time are that is wanted.

    Raises StorageFailed if one is missing: an export must not be short in silence, and SQLite does
    not notice all damage to a file.
    """
    first, last = 1, chain.head(connection).sequence
    if wanted.since is not None or wanted.until is not None:
        first, last = reading.span(connection, wanted.since, wanted.until)
    after = first - 1
    while (after := max(after, _pruned(connection))) < last:
        streams.progress(f"{after:,} of {last:,} records")
        some = reading.entries(connection, after, _AT_ONCE, upto=last)
        next_one = some[0].sequence if some else last + 1
        if next_one > after + 1:
            if _pruned(connection) <= after:  # else they were pruned just now
                raise _missing(after + 1, next_one - 1)
            continue
        for entry in some:
            if entry.sequence > after + 1:
                raise _missing(after + 1, entry.sequence - 1)
            yield entry
            after = entry.sequence


def _pruned(connection: sqlite3.Connection) -> int:
    """The sequence up to which records were pruned on purpose."""
    (pruned,) = connection.execute("SELECT pruned FROM chain").fetchone()
    return int(pruned)


def _missing(first: int, last: int) -> StorageFailed:
    return StorageFailed(
        f"the records {first} to {last} are missing or damaged, and what was written ends before "
        "them; run `flatfile-exporter audit verify`, and restore a copy that verifies"
    )
