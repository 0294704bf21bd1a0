"""Finding what is refused in a batch that was refused as a whole."""

from collections.abc import Awaitable, Callable, Sequence

from exporter.audit.record import Entry

Attempt = Callable[[Sequence[Entry]], Awaitable[str | None]]
"""Sends records; the reason if they were refused together, None if they were taken."""


async def sift(entries: Sequence[Entry], attempt: Attempt) -> dict[int, str]:
    """Why, by sequence, for each that is refused also alone; the others were taken.

    Halves are tried until the refused ones stand alone: two attempts for each halving, so one bad
    record of a thousand costs twenty. What ``attempt`` raises passes through.
    """
    reason = await attempt(entries) if entries else None
    if reason is None:
        return {}
    if len(entries) == 1:
        return {entries[0].sequence: reason}
    middle = len(entries) // 2
    return {
        **await sift(entries[:middle], attempt),
        **await sift(entries[middle:], attempt),
    }
