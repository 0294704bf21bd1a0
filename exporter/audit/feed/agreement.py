"""Whether the account's own feed is that of all its environments.

That it is, is a promise of prose only (API notes, sections 9.1 and 14.2). So a few environments
are asked by themselves before the account is, which has to show what they showed.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from exporter.audit.feed.answer import Answer, Moment, Question
from exporter.errors import BadRequest, NotFound
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.raw import RawEvent

_SAMPLE = 10  # environments asked each time
_UNPROVEN = 20  # rounds at the most between two looks, while nothing speaks for it or against it
_PROVEN = 120  # rounds between two looks afterwards: a credential may lose rights later on

Verdict = Literal["proven", "assumed", "unproven", "doubtful", "refuted"]
"""``proven`` just now, ``assumed`` since it was proven not long ago."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Events that the account has to show; ``total`` is whether no environment was left out."""

    events: frozenset[str]
    total: bool


@dataclass(slots=True)
class Agreement:
    """Looks again and again, seldom once it is proven."""

    proven: bool = False
    """By the last look. That takes all environments, or events of two of them in the account's
    feed: it might be the feed of one."""
    _wait: int = 0
    _pause: int = 1
    _turn: int = 0
    _doubted: bool = False
    _shown: set[str] = field(default_factory=set)

    @property
    def due(self) -> bool:
        """Whether the next reading is to be compared with a sample."""
        return self._wait <= 0

    async def sample(
        self, flatfile: Flatfile, environment_ids: Sequence[str], question: Question, moment: Moment
    ) -> Sample:
        """What ``question``, asked afterwards, has to show. Raises a leaf of RoundError.

        Environments of which the account showed nothing come first.
        """
        unseen = [one for one in environment_ids if one not in self._shown]
        rest = [one for one in environment_ids if one in self._shown]
        begin = self._turn * _SAMPLE % max(1, len(unseen))
        chosen = [*unseen[begin:], *unseen[:begin], *rest][:_SAMPLE]
        self._turn += 1
        found: set[str] = set()
        # Of a listing without any nothing is learned.
        total = 0 < len(chosen) == len(environment_ids)
        for environment_id in chosen:
            page = await _first_page(flatfile, environment_id, question)
            timely = [e.id for e in page if question.since < e.created_at <= moment.until]
            # Of a server that shows its oldest events first whatever is asked nothing is learned.
            total = total and bool(timely or not page or _settling(page, moment))
            found.update(timely)
        return Sample(frozenset(found), total)

    def judge(self, sample: Sample | None, answer: Answer) -> Verdict:
        """Of a whole answer; ``sample`` is None if none was taken.

        What the account did not show may have happened in between, hence two in a row.
        """
        self._shown |= answer.anchors.keys() - {""}
        if sample is None:
            self._wait -= 1
            return "assumed" if self.proven else "unproven"
        if not sample.events <= answer.met:
            refuted, self._doubted = self._doubted, True
            return "refuted" if refuted else "doubtful"
        self._doubted = False
        self.proven = sample.total or len(self._shown) > 1
        self._shown.clear()
        self._pause = _PROVEN if self.proven else min(_UNPROVEN, self._pause * 2)
        self._wait = self._pause
        return "proven" if self.proven else "unproven"


async def _first_page(
    flatfile: Flatfile, environment_id: str, question: Question
) -> tuple[RawEvent, ...]:
    pages = flatfile.raw_events(
        question.since, environment_id=environment_id, page_size=question.page_size
    )
    try:
        async with aclosing(pages):
            async for page in pages:
                return page
    except (BadRequest, NotFound):  # no such filter, or the environment is gone
        pass
    return ()


def _settling(page: tuple[RawEvent, ...], moment: Moment) -> bool:
    return any(event.created_at > moment.until for event in page)
