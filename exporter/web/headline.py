"""The state of everything in a few sentences, the one that matters most first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from exporter.web.status import CollectorStatus, Status
from exporter.web.words import count, listing

Mood = Literal["good", "wait", "bad"]


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    mood: Mood


def headlines(status: Status) -> tuple[Sentence, ...]:
    """At least one."""
    return tuple(_about_collection(status)) + tuple(_about_the_rest(status))


def _about_collection(status: Status) -> Iterator[Sentence]:
    failing = [each for each in status.collectors if each.problem is not None]
    waiting = [each for each in status.collectors if _waits(each)]
    if status.token.valid is False:
        yield Sentence("The credential is refused.", "bad")
    if failing:
        verb = "is" if len(failing) == 1 else "are"
        names = listing([each.name for each in failing])
        yield Sentence(f"{count(len(failing), 'collector')} {verb} failing: {names}.", "bad")
    if waiting:
        names = listing([each.name for each in waiting])
        yield Sentence(f"Waiting for the first round of {names}.", "wait")
    if not status.collectors:
        yield Sentence("No collector is switched on.", "wait")
    elif not failing and not waiting and status.token.valid is not False:
        yield Sentence("Everything is being collected.", "good")


def _about_the_rest(status: Status) -> Iterator[Sentence]:
    lost = sum(each.lost_its_agent for each in status.environments or ())
    if lost:
        verb, whose = ("has", "its agent") if lost == 1 else ("have", "their agents")
        yield Sentence(f"{count(lost, 'environment')} {verb} lost {whose}.", "bad")
    cut = [each.name for each in status.collectors if each.truncated]
    if cut:
        yield Sentence(f"A limit cut off part of what was seen: {listing(cut)}.", "wait")
    if status.audit is not None and status.audit.failing:
        yield Sentence("The audit log needs attention.", "bad")
    if not status.reload_successful:
        yield Sentence(
            "The configuration was read again with mistakes; the old one is in force.", "bad"
        )


def _waits(collector: CollectorStatus) -> bool:
    return collector.last_success is None and collector.problem is None
