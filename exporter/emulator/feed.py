"""GET of what happened: events and jobs (the API notes, sections 9.1 and 10)."""

from collections.abc import Sequence
from itertools import islice

from exporter.emulator import pages
from exporter.emulator.calls import Answer, Call, Refusal
from exporter.emulator.listings import Desk
from exporter.emulator.payloads import share
from exporter.emulator.things import Event
from exporter.emulator.times import parse


def events(desk: Desk, call: Call) -> Answer:
    """No page object, ever. The order, `since` and much else is a quirk."""
    quirks, history = desk.quirks, desk.account.history
    environment_id = call.query.get("environmentId") or None
    if environment_id is None and quirks.events_account_wide == "first":
        environment_id = next((e.id for e in desk.account.environments), None)
    elif environment_id is None and isinstance(quirks.events_account_wide, int):
        raise Refusal(quirks.events_account_wide, "environmentId is required")
    if environment_id is not None and quirks.unknown_environment != "empty":
        desk.known(environment_id)
    line = history.events(environment_id)
    begin = 0
    if (since := _since(call)) is not None and not quirks.since_ignored:
        begin = history.start(line, since, inclusive=quirks.since_inclusive)
    begin = max(begin, history.start(line, _horizon(desk), inclusive=True))
    first, size, _ = pages.window(call, quirks, 10)
    # Nothing happens after now, but for the demo somebody may set its clock back.
    end = history.start(line, desk.now, inclusive=False)
    if _needs_no_choice(desk, call):
        if quirks.event_order == "newest":
            page: Sequence[Event] = line[max(begin, end - first - size) : max(begin, end - first)]
            page = page[::-1]
        else:
            page = line[begin + first : min(begin + first + size, end)]
    else:
        page = _chosen(desk, call, line[begin:end])[first : first + size]
    return Answer({"data": [desk.shapes.event(event) for event in page]})


def event(desk: Desk, _call: Call, id_: str) -> Answer:
    found = desk.account.history.get(id_)
    if found is None or found.at < _horizon(desk):
        raise Refusal(404, "Event not found")
    return Answer({"data": desk.shapes.event(found)})


def jobs(desk: Desk, call: Call) -> Answer:
    """Derived from the events that created them; newest first."""
    line = desk.account.history.events(call.query.get("environmentId") or None)
    asked = call.query.get("spaceId")
    created = [
        one
        for one in reversed(line)
        if one.topic == "job:created" and (not asked or one.space_id == asked)
    ]
    return Answer(pages.page(call, desk.quirks, "/jobs", created, desk.shapes.job, 20))


def _since(call: Call) -> float | None:
    text = call.query.get("since")
    if not text:
        return None
    try:
        return parse(text)
    except ValueError:
        raise Refusal(400, "since must be a date-time") from None


def _horizon(desk: Desk) -> float:
    """What was before this moment is not shown any more."""
    after = desk.quirks.events_forgotten_after
    forgotten = desk.account.history.forgotten_before
    return forgotten if after is None else max(forgotten, desk.now - after)


def _acknowledged(desk: Desk, call: Call) -> bool:
    asked = call.flag("includeAcknowledged")
    return desk.quirks.include_acknowledged_default if asked is None else asked


def _needs_no_choice(desk: Desk, call: Call) -> bool:
    """Whether the page can be cut out of the history as it is, however long that is."""
    quirks = desk.quirks
    return (
        _acknowledged(desk, call)
        and quirks.event_order in {"newest", "oldest"}
        and not quirks.late_share
        and not quirks.repeated_events
        and not any(call.query.get(name) for name in ("topic", "spaceId", "domain"))
    )


def _chosen(desk: Desk, call: Call, line: Sequence[Event]) -> Sequence[Event]:
    quirks, asked = desk.quirks, call.query
    done = _acknowledged(desk, call)
    topic, space_id, domain = asked.get("topic"), asked.get("spaceId"), asked.get("domain")
    found = [
        one
        for one in line
        if (done or not one.acknowledged)
        and (not topic or one.topic == topic)
        and (not space_id or one.space_id == space_id)
        and (not domain or desk.shapes.event(one)["domain"] == domain)
        and not _is_late(desk, one)
    ]
    match quirks.event_order:
        case "newest":
            found.reverse()
        case "id":
            found.sort(key=lambda one: one.id)
        case "shuffled":
            desk.dice.shuffle(found)
        case "oldest":
            pass
    if quirks.repeated_events:
        found = _with_repetitions(found, quirks.repeated_events)
    return found


def _is_late(desk: Desk, one: Event) -> bool:
    """Whether an event that has happened cannot be seen yet."""
    return (
        one.at + desk.quirks.late_seconds > desk.now
        and share(one.id, "late") < desk.quirks.late_share
    )


def _with_repetitions(found: list[Event], part: float) -> list[Event]:
    """Each chosen event comes again three places later, so that it may be on the next page."""
    out: list[Event] = []
    waiting: list[tuple[int, Event]] = []
    for place, one in enumerate(found):
        while waiting and waiting[0][0] <= place:
            out.append(waiting.pop(0)[1])
        out.append(one)
        if share(one.id, "again") < part:
            waiting.append((place + 3, one))
    out.extend(event for _, event in islice(waiting, None))
    return out
