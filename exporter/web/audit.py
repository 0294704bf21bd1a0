"""The audit log on the page for people."""

from collections.abc import Iterator

from exporter.web.markup import Markup, element, facts, row, table
from exporter.web.status import AuditStatus, SinkStatus
from exporter.web.times import when
from exporter.web.words import UNKNOWN, count


def audit(log: AuditStatus, now: float) -> Iterator[Markup]:
    """Everything below the heading. ``now`` is Unix seconds."""
    yield facts(
        (
            ("State", _state(log)),
            ("Feed last read whole", when(log.last_success, now, "not yet")),
            ("Newest event", when(log.newest_event, now, "none yet")),
            ("Records", UNKNOWN if log.records is None else f"{log.records:,}"),
            ("Gaps", UNKNOWN if log.gaps is None else f"{log.gaps:,}"),
            ("Last checkpoint", when(log.last_checkpoint, now, "none yet")),
            ("Public key", log.public_key),
        )
    )
    if log.sinks:
        yield _sinks(log, now)


def _state(log: AuditStatus) -> Markup:
    if not log.available:
        return element("span", "the store cannot be used; see the log", class_="bad")
    if not log.writer:
        return element("span", "waits for another process to let go of it", class_="wait")
    if log.blocked:
        return element("span", "not read on: the backlog of a sink is full", class_="bad")
    if log.problem is not None:
        return element("span", f"the feed fails: {log.problem}", class_="bad")
    return element("span", "ok", class_="good")


def _sinks(log: AuditStatus, now: float) -> Markup:
    head = ("Sink", "State", "Waiting", "Oldest that waits", "Refused for good")
    rows = (
        row(
            sink.name,
            _sink(sink),
            f"{sink.backlog:,}",
            when(sink.oldest_unsent, now, "nothing waits"),
            f"{sink.dead_letters:,}",
            class_="alarm" if sink.problem is not None else "",
        )
        for sink in log.sinks
    )
    return table(f"{count(len(log.sinks), 'sink')} of the audit log", head, rows)


def _sink(sink: SinkStatus) -> Markup:
    if sink.problem is not None:
        return element("span", f"failing: {sink.problem}", class_="bad")
    return element("span", "ok", class_="good")
