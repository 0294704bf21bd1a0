"""What may go wrong with Flatfile, the network and the clock; each as a beginning and an end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any

from exporter.emulator.faults import Fault
from tests.chaos.network import BROKEN
from tests.chaos.stage import Stage

Act = Callable[[Stage], None]
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """``end`` takes back what ``begin`` did; nothing happens then if it is over at once."""

    what: str
    begin: Act
    end: Act = lambda _: None
    fault: Fault | None = None
    """What it is, where that is all: then it can be played over the control interface, too."""


Maker = Callable[[Random], Trouble]

STATUSES = (
    400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 418, 422, 425, 429, 431, 451,
    500, 501, 502, 503, 504, 507, 520, 599, 204, 206, 304, 600,
)  # fmt: skip
ROUTES = (
    "*", "*", "/auth", "/environments", "/agents*", "/spaces*", "/users*", "/guests*", "/events*",
    "/agents/executions", "/accounts/current",
)  # fmt: skip
_BODIES = (
    "html", "empty", "cut_json", "not_utf8", "deep_json", "wrong_data", "wrong_types", "nulls",
    "missing_fields", "redirect", "garbled", "cut_gzip",
)  # fmt: skip
_SHARES = (1.0, 1.0, 0.5, 0.1)


def _fault(fault: Fault) -> Trouble:
    named = replace(fault, name=f"chaos {next(_numbers)}")
    said = [f"{k}={v}" for k, v in fault.as_json().items() if v != _PLAIN.get(k, v)]
    return Trouble(
        f"fault {fault.kind} on {fault.route} ({', '.join(said)})",
        lambda stage: stage.emulator.faults.add(named),
        lambda stage: stage.emulator.faults.remove(named.name),
        named,
    )


_PLAIN = {k: v for k, v in Fault("hang").as_json().items() if k not in {"kind", "route", "name"}}


def _status(dice: Random) -> Trouble:
    status = dice.choice(STATUSES)
    return _fault(
        Fault("status", dice.choice(ROUTES), status=status, probability=dice.choice(_SHARES))
    )


def _throttled(dice: Random) -> Trouble:
    """Up to two minutes; longer waits are obeyed, and would only make the storm quiet."""
    waits = ((), (), ("1",), ("30",), ("120",), ("soon",), ("-5",), ("", "7"))
    status = dice.choice((429, 429, 503))
    return _fault(
        Fault(
            "status",
            dice.choice(ROUTES),
            status=status,
            retry_after=dice.choice(waits),
            probability=dice.choice(_SHARES),
        )
    )


def _body(dice: Random) -> Trouble:
    kind: Any = dice.choice(_BODIES)
    return _fault(Fault(kind, dice.choice(ROUTES), probability=dice.choice(_SHARES)))


def _slow(dice: Random) -> Trouble:
    kind: Any = dice.choice(("latency", "latency", "drip", "hang"))
    delay = dice.choice((0.2, 3.0, 12.0, 40.0)) if kind == "latency" else dice.choice((0.01, 1.0))
    return _fault(Fault(kind, dice.choice(ROUTES), delay=delay, probability=dice.choice(_SHARES)))


def _large(dice: Random) -> Trouble:
    """Rare: each costs the processor as much as an hour without it."""
    kind: Any = dice.choice(("huge", "endless"))
    route = dice.choice(("/users*", "/events*", "/agents*"))
    return _fault(Fault(kind, route, megabytes=40, count=dice.choice((1, 2))))


def _cut(dice: Random) -> Trouble:
    where: Any = dice.choice(("header", "body"))
    return _fault(
        Fault("disconnect", dice.choice(ROUTES), cut=where, probability=dice.choice(_SHARES))
    )


def outage(dice: Random) -> Trouble:
    """Nothing gets through."""
    how = dice.choice(BROKEN)

    def begin(stage: Stage) -> None:
        stage.network.broken = how

    def end(stage: Stage) -> None:
        stage.network.broken = None

    return Trouble(f"network {how}", begin, end)


def _clock(dice: Random) -> Trouble:
    by = dice.choice((-86_400.0, -3_600.0, -90.0, -1.5, 1.5, 90.0, 3_600.0, 86_400.0))

    def begin(stage: Stage) -> None:
        stage.clock.skew = by
        stage.note()

    def end(stage: Stage) -> None:
        stage.clock.skew = 0.0
        stage.note()

    return Trouble(f"clock {by:+g} s", begin, end)


def _revoked(_: Random) -> Trouble:
    return Trouble("token revoked", lambda stage: void(stage.emulator.credentials.revoke()))


def _refused(_: Random) -> Trouble:
    def begin(stage: Stage) -> None:
        stage.emulator.credentials.refused = True
        stage.emulator.credentials.revoke()

    def end(stage: Stage) -> None:
        stage.emulator.credentials.refused = False

    return Trouble("credential refused", begin, end)


def lateness(_: Random) -> Trouble:
    """Half of the events are seen a minute late, after younger ones."""
    return _quirks({"late_share": 0.5, "late_seconds": 60.0})


def _feed(dice: Random) -> Trouble:
    """Repeated, out of order, with topics that nobody knows."""
    changes = dice.choice(
        (
            {"repeated_events": 0.4},
            {"event_order": "shuffled"},
            {"event_order": "oldest"},
            {"unknown_topics": True},
            {"since_ignored": True},
        )
    )
    return _quirks(changes)


def _paging(dice: Random) -> Trouble:
    """Pages that shift: in another order each time, of another size, without a page object."""
    changes = dice.choice(
        (
            {"list_order": "random"},
            {"list_order": "created_desc"},
            {"page_size_max": 7},
            {"pagination_object": False},
            {"page_size_max": 3, "page_size_over": "refuse"},
        )
    )
    return _quirks(changes)


def _quirks(changes: dict[str, Any]) -> Trouble:
    def begin(stage: Stage) -> None:
        stage.emulator.quirks.set(changes)

    def end(stage: Stage) -> None:
        stage.emulator.quirks.set({name: getattr(stage.climate, name) for name in changes})

    said = ", ".join(f"{name}={value}" for name, value in changes.items())
    return Trouble(f"quirk {said}", begin, end)


def _reload(_: Random) -> Trouble:
    return Trouble("reload", lambda stage: stage.begin(stage.daemon.reload()))


def void(_: object) -> None:
    """Where an action gives something that nobody wants."""


OFTEN: tuple[tuple[int, Maker], ...] = (
    (6, _status),
    (3, _throttled),
    (6, _body),
    (5, _slow),
    (4, _cut),
    (4, outage),
    (3, _clock),
    (1, _revoked),
    (1, _refused),
    (4, _feed),
    (1, lateness),
    (4, _paging),
    (1, _reload),
    (1, _large),
)
"""How often each comes, compared with the others."""
