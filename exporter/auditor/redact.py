"""``audit redact``: erases a person for good, after asking."""

import sqlite3
import time
from functools import partial

from exporter.audit import people
from exporter.audit import redact as erasing
from exporter.audit.keys import SigningKey
from exporter.audit.place import Place
from exporter.audit.redact import Redacted
from exporter.audit.store.checkpoints import checkpoint
from exporter.auditor.opening import writing
from exporter.auditor.streams import Streams

_YES = frozenset({"y", "yes"})


async def redact(place: Place, person: str, streams: Streams, *, sure: bool) -> int:
    """Erase the one whose id, name or address is ``person``; 1 if that is not exactly one.

    ``sure`` asks no more. Raises StorageFailed.
    """
    async with writing(place) as database:
        found = await database.run(lambda connection: people.find(connection, person))
        if not found:
            streams.complain("the audit log knows nobody by that id, name or address")
            return 1
        if len(found) > 1:
            streams.complain(
                f"{len(found)} people go by that; say which, by id: {', '.join(found)}"
            )
            return 1
        (person_id,) = found
        if not sure and not _confirmed(person_id, streams):
            return 1
        key = SigningKey.load_or_make(place.key)
        done = await database.run(partial(_erase, person_id=person_id, key=key, now=time.time()))
        gone = await database.run(people.gone)
    if not gone:
        streams.complain(
            "somebody is reading the log: its file holds what was erased until they are done and the"
            " daemon, or this command again, writes to it"
        )
    if not done.erased:
        streams.say(f"{person_id} was erased before; there was nothing left to do")
        return 0
    streams.say(f"{person_id} is erased; record {done.sequence} says so")
    streams.say("What sinks were given before is theirs: erase it there, too.")
    return 0


def _erase(connection: sqlite3.Connection, person_id: str, key: SigningKey, now: float) -> Redacted:
    # With a checkpoint, for the heads that are kept elsewhere: a copy that knows the person still
    # must not verify against them.
    done = erasing.redact(connection, person_id, now)
    if done.erased:
        checkpoint(connection, key, now)
    return done


def _confirmed(person_id: str, streams: Streams) -> bool:
    if streams.ask is None:
        streams.complain("erasing cannot be undone; say --yes where nobody can be asked")
        return False
    answer = streams.ask(f"Erase {person_id} for good? Name and address cannot be had back. [y/N] ")
    if answer.strip().lower() in _YES:
        return True
    streams.complain("nothing was erased")
    return False
