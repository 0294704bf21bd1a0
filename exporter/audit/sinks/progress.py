"""What a sink has settled already of a batch that failed in the middle."""

from collections.abc import Iterable, Mapping, Sequence

from exporter.audit.record import Entry


class Progress:
    """Of one batch after the other, in memory only: to forget it costs repetitions and no more.

    Without it a disk with little room left would be filled with copies of the same lines, and
    what must not be sent again would be, because of what came after it.
    """

    def __init__(self) -> None:
        self._settled: dict[int, str | None] = {}

    def lacking(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        """Those that are not settled."""
        return [entry for entry in entries if entry.sequence not in self._settled]

    def took(self, entries: Iterable[Entry]) -> None:
        """These are safe in the sink, whatever becomes of the others."""
        self._settled.update((entry.sequence, None) for entry in entries)

    def refused(self, reasons: Mapping[int, str]) -> None:
        """These are refused for good, by sequence."""
        self._settled.update(reasons)

    def finish(self, entries: Sequence[Entry]) -> dict[int, str]:
        """All of these are settled: why, by sequence, for those that were refused.

        If they come again, they are meant. So are earlier ones, of a batch that was given up.
        """
        reasons = {e.sequence: self._settled.get(e.sequence) for e in entries}
        last = max(reasons, default=0)
        self._settled = {s: r for s, r in self._settled.items() if s > last}
        return {sequence: reason for sequence, reason in reasons.items() if reason is not None}
