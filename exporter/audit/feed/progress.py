"""What an answer means for how far its scope was read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from exporter.audit.feed.answer import Answer, Moment
from exporter.audit.feed.batch import Marks
from exporter.audit.feed.gaps import Bounds, Gap
from exporter.audit.feed.ledger import ACCOUNT, Ledger
from exporter.audit.store.cursors import Change

_BEFORE = 1.0
"""Seconds by which a question begins before an anchor: ``since`` may exclude its own moment."""


@dataclass(frozen=True, slots=True)
class _Strike:
    """A reading at ``wall`` that did not join on to the mark."""

    mark: float
    wall: float


@dataclass(slots=True)
class Progress:
    """Remembers which scopes seemed to have lost something, until the next reading confirms it."""

    overlap: float
    _strikes: dict[str, _Strike] = field(default_factory=dict)

    def since(self, ledger: Ledger, scope: str) -> float:
        """From where to ask: before the mark, and so that the newest anchor has to be shown."""
        anchors = ledger.newest_anchors(scope).values()
        newest = max(anchors, default=float("inf"))
        return min(ledger.marks[scope] - self.overlap, newest - _BEFORE)

    def late_before(self, ledger: Ledger, scope: str) -> float | None:
        """The mark, unless nothing was read up to it yet."""
        return ledger.marks[scope] if scope in ledger.complete else None

    def marks(self, ledger: Ledger, scope: str) -> Marks:
        """What goes with the events of a reading that has not ended: it may never end."""

        def reached(oldest: float) -> Sequence[Change]:
            _reach(ledger, scope, oldest)
            return ledger.take()

        return reached

    def doubt(self, ledger: Ledger, scope: str, answer: Answer) -> None:
        """All that was shown was read, and yet it is not believed."""
        if answer.newest is not None:
            ledger.reach(scope, answer.newest)

    def conclude(self, ledger: Ledger, scope: str, answer: Answer, moment: Moment) -> bool:
        """Move the mark as far as the answer allows; True if that is all the way.

        An answer that does not join on to what was read before, after a time in which something
        may have been forgotten, moves nothing the first time: it may be the answer that is wrong.
        The second time in a row it is a gap, which the answer has from then on.
        """
        if answer.oldest is not None:
            ledger.hold(max(ledger.held or 0.0, moment.wall - answer.oldest))
        # One that ended before the mark could not meet what is remembered of it.
        if answer.stuck_at(ledger.marks[scope]):
            if answer.oldest is not None:
                _reach(ledger, scope, answer.oldest)
            return False
        anchors = ledger.newest_anchors(scope)
        if answer.upto is not None:  # it did not come to those that are younger
            anchors = {key: at for key, at in anchors.items() if at <= answer.upto}
        bounds = Bounds(
            complete=ledger.complete.get(scope),
            overlap=self.overlap,
            anchor=max(anchors.values(), default=None),
            void=scope in ledger.void,
            held=ledger.held,
            outrun=ledger.marks[scope] if ledger.outrun(scope) else None,
            # With gaps it is whole without having gone back as far as the source does.
            partial=None if answer.gaps else ledger.partial.get(scope),
        )
        joins = bounds.joins(met=not answer.met.isdisjoint(anchors), oldest=answer.oldest)
        if not joins and not bounds.harmless(moment.wall):
            mark = ledger.marks[scope]
            strike = self._strikes.get(scope)
            if strike is None or strike.mark != mark:
                self._strikes[scope] = _Strike(mark, moment.wall)
                return False
            if not bounds.harmless(strike.wall):
                answer.gaps.append(self._forgotten(ledger, scope, answer, moment))
            if bounds.anchor is not None:
                ledger.hold(min(ledger.held or 0.0, strike.wall - bounds.anchor))
            ledger.cast(scope)
        self._strikes.pop(scope, None)
        if answer.whole:
            ledger.move(scope, mark=answer.newest, complete=moment.until)
        else:
            ledger.move(scope, mark=answer.upto, complete=answer.upto)
        ledger.anchor(answer.anchors)
        return answer.whole

    def _forgotten(self, ledger: Ledger, scope: str, answer: Answer, moment: Moment) -> Gap:
        """From where nothing was read to the oldest event that is shown."""
        complete = ledger.complete.get(scope, ledger.marks[scope])
        return Gap(
            kind="forgotten",
            since=max(complete, ledger.marks[scope]) - self.overlap,
            until=moment.wall if answer.oldest is None else answer.oldest,
            environment_id=None if scope == ACCOUNT else scope,
        )


def _reach(ledger: Ledger, scope: str, oldest: float) -> None:
    """Whatever lies before that is not read yet, also by an earlier attempt that went further."""
    ledger.reach(scope, min(oldest, ledger.partial.get(scope, oldest)))
