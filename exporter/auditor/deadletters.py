"""``audit dead-letters`` and ``audit resend``: what sinks refused for good."""

from exporter.audit.place import Place
from exporter.audit.store import delivery
from exporter.audit.store.times import iso
from exporter.auditor.opening import reading, writing
from exporter.auditor.streams import Streams


def dead_letters(place: Place, sink: str | None, streams: Streams) -> int:
    """One line each: sink, sequence, id, when it was refused and why. Raises StorageFailed."""
    with reading(place) as connection:
        letters = delivery.dead_letters(connection, sink)
    for letter in letters:
        at = iso(letter.at)
        streams.say(f"{letter.sink:<10} {letter.sequence:>10} {letter.uid} {at} {letter.reason}")
    return 0


async def resend(place: Place, sink: str | None, streams: Streams) -> int:
    """Have the daemon send them once more. Raises StorageFailed."""
    async with writing(place, signing=False) as database:
        amount = await database.run(lambda connection: delivery.resend(connection, sink))
    of = f" of {sink}" if sink else ""
    streams.say(f"{amount:,} dead letters{of} will be sent again by the daemon")
    return 0
