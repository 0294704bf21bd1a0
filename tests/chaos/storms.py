"""A storm: what goes wrong when, all of it from one seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from exporter.emulator import Quirks
from tests.chaos import doings, troubles
from tests.chaos.troubles import Trouble

BETWEEN = 45.0  # seconds
LASTS = (
    0.0,
    20.0,
    20.0,
    90.0,
    90.0,
    420.0,
    900.0,
)  # seconds; the longest is past most retentions of the stage
SURE = 700.0
"""Seconds that an outage of everything and a feed with late events last, in each storm: without
the one nothing grows too old to be shown, without the other nothing is late."""

CALM = 0.15  # of all troubles are followed by a calm
CALM_LASTS = 240.0  # seconds


@dataclass(frozen=True, slots=True)
class Blow:
    """``at`` and ``until`` are seconds from the beginning of the storm."""

    at: float
    until: float
    trouble: Trouble

    def __str__(self) -> str:
        return f"{self.at:8.1f} to {self.until:8.1f} s: {self.trouble.what}"


def storm(seed: int, hours: float, between: float = BETWEEN) -> list[Blow]:
    """In the order in which they begin; all are over after ``hours``.

    ``between`` is seconds from one trouble to the next, on average.
    """
    blows = _blows(Random(f"storm {seed}"), hours * 3600, between)
    return sorted(blows, key=lambda blow: blow.at)


def _blows(dice: Random, end: float, between: float) -> Iterator[Blow]:
    if end > 2 * SURE:
        for make in (troubles.outage, troubles.lateness):
            at = dice.uniform(0, end - SURE)
            yield Blow(at, at + SURE, make(dice))
    makers = [maker for _, maker in troubles.OFTEN]
    weights = [often for often, _ in troubles.OFTEN]
    at = dice.uniform(0, between)
    while at < end:
        trouble = dice.choices(makers, weights)[0](dice)
        until = min(at + dice.choice(LASTS) * dice.uniform(0.5, 1.0), end)
        yield Blow(at, until, trouble)
        at += dice.expovariate(1 / between)
        if dice.random() < CALM:
            at = until + dice.uniform(0.5, 1.0) * CALM_LASTS
    at = 0.0
    while (at := at + dice.expovariate(1 / between)) < end:
        yield Blow(at, at, doings.doing(dice))


def climate(seed: int) -> Quirks:
    """What nobody knows about the service, as one seed has it."""
    dice = Random(f"climate {seed}")
    choices: dict[str, tuple[Any, ...]] = {
        "auth_wrapped": (False, True),
        "expires_form": ("iso", "rfc1123", "missing"),
        "token_lifetime": (86_400.0, 900.0),
        "pagination_object": (True, True, False),
        "page_size_max": (None, None, 7),
        "page_zero_based": (False, True),
        "optional_as_null": (False, True),
        "unknown_environment": (404, "empty"),
        "spaces_archived": ("include", "include", "only"),
        "agents_default_includes_system": (True, False),
        "agents_data_when_empty": ("empty", "absent", "null"),
        "guests_account_wide": ("allowed", 400, 403),
        "event_order": ("newest", "oldest"),
        "include_acknowledged_default": (False, True),
        "events_account_wide": ("allowed", "allowed", 400, "first"),
        "errors_form": ("envelope", "text"),
    }
    quirks = Quirks()
    quirks.set({name: dice.choice(values) for name, values in choices.items()})
    return quirks
