"""What an audit log must hold once a storm is over: looked at from outside, in its own files."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.audit import head_file
from exporter.audit.place import LINES_FILE
from exporter.audit.record import Kind
from exporter.audit.store.database import HEAD_FILE, reader
from exporter.audit.store.times import unix
from exporter.audit.verify import verify
from exporter.emulator.truth import EventTruth
from exporter.flatfile.topics import TOPICS

FLAGS: Mapping[str, str] = {
    "audit": "true",
    "audit.interval": "20s",
    "audit.start": "10m",
    "audit.checkpoint-records": "50",
    "audit.sink.file": "true",
    "audit.sink.file.max-size": "64KiB",
    "audit.sink.file.keep": "0",
}
"""Rounds and rotations as often as everything else happens in a storm."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """All events there ever were, and the environments that still exist.

    Those ``since`` then (Unix seconds) must not be missing: a log begins before the daemon does.
    Unless the account's own feed can be asked (``account_wide``), nobody hears of an environment
    that came and went while nothing could be listed.
    """

    since: float
    account_wide: bool
    events: Iterable[EventTruth]
    environments: frozenset[str]


def problems(folder: Path, public_key: str, happened: Happened) -> Iterator[str]:
    """What is wrong with the log in that folder; nothing if all is well."""
    with closing(reader(folder)) as log:
        verdict = verify(log, public_key=public_key, head=head_file.read(folder / HEAD_FILE))
        rows = log.execute("SELECT body FROM record ORDER BY sequence").fetchall()
    if not verdict.ok:
        yield f"the chain does not verify: record {verdict.sequence}, {verdict.problem}"
    records = [json.loads(body) for (body,) in rows]
    if [record["sequence"] for record in records] != list(range(1, len(records) + 1)):
        yield "the sequence has holes"
    yield from _events(records, happened)
    yield from _gaps(records, happened)
    yield from _lines(folder, records)


def _events(records: list[Record], happened: Happened) -> Iterator[str]:
    """Each stands once, or in a gap."""
    stand = Counter(one["uid"] for one in records if one["kind"] == Kind.EVENT)
    gaps = [one["detail"] for one in records if one["kind"] == Kind.GAP]
    truth = {event.id: event for event in happened.events}
    heard_of = {event.environment_id for event in truth.values() if event.id in stand}
    heard_of |= happened.environments | {gap["environment"] for gap in gaps}
    for uid, times in stand.items():
        if uid not in truth or times > 1:
            yield f"recorded {times} times: {uid}, which happened {uid in truth:d} times"
    for event in truth.values():
        lost = event.created_at >= happened.since and event.id not in stand
        lost = lost and (happened.account_wide or event.environment_id in heard_of)
        if lost and not any(_covers(gap, event) for gap in gaps):
            yield f"not recorded: {event.topic} of {event.created_at!r} in {event.environment_id}"


def _covers(gap: Record, event: EventTruth) -> bool:
    """Asked topic by topic, only those that nobody documented can be missing."""
    return (
        (gap["kind"] != "topics" or event.topic not in TOPICS)
        and gap["environment"] in {None, event.environment_id}
        and gap["topic"] in {None, event.topic}
        and unix(gap["from"]) <= event.created_at <= unix(gap["to"])
    )


def _gaps(records: Iterable[Record], happened: Happened) -> Iterator[str]:
    """The source forgot nothing.

    Only what was deleted could not be read to its end, and in trouble some can be had only topic by
    topic, which says nothing of topics that nobody documented.
    """
    for record in records:
        gap = record["detail"]
        if record["kind"] != Kind.GAP or gap["kind"] == "topics":
            continue
        if gap["kind"] != "environment" or gap["environment"] in happened.environments:
            yield f"a gap where nothing is missing: {gap}"


def _lines(folder: Path, records: Iterable[Record]) -> Iterator[str]:
    """The sink has each at least once, with its id, and nothing else."""
    files = sorted(folder.glob(f"{LINES_FILE.partition('.')[0]}*"))
    written = Counter(
        json.loads(line)["record"]["uid"]
        for file in files
        for line in file.read_bytes().splitlines()
    )
    stand = {record["uid"] for record in records}
    for uid in stand - written.keys():
        yield f"not handed on to the file: {uid}"
    for uid in written.keys() - stand:
        yield f"in the file and not in the log: {uid}"
