"""Units, colours and words of values, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
BLUE, GREY, PLAIN_TEXT = "blue", "#8e8e8e", "text"

Steps = tuple[tuple[float | None, str], ...]
"""From this value on, this colour; the first is None, for everything below."""

PLAIN: Steps = ((None, PLAIN_TEXT),)


def good_until(warn: float, bad: float | None = None) -> Steps:
    """Green, orange from ``warn`` on, red from ``bad`` on; red at once without ``bad``."""
    if bad is None:
        return ((None, GREEN), (warn, RED))
    return ((None, GREEN), (warn, ORANGE), (bad, RED))


def bad_until(good: float) -> Steps:
    return ((None, RED), (good, GREEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """``words`` are shown in place of a value: text and colour."""

    unit: str = "short"
    steps: Steps = PLAIN
    words: Mapping[float | str, tuple[str, str]] = field(default_factory=dict)
    decimals: int | None = None
    lowest: float | None = None
    highest: float | None = None


def thresholds(steps: Steps) -> build.ThresholdsConfig:
    made = [model.Threshold(value=value, color=color) for value, color in steps]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(made)


def mappings(look: Look) -> list[model.ValueMapping]:
    if not look.words:
        return []
    options = {
        (value if isinstance(value, str) else f"{value:g}"): model.ValueMappingResult(
            text=text, color=color, index=index
        )
        for index, (value, (text, color)) in enumerate(look.words.items())
    }
    return [model.ValueMap(options=options)]


COUNT = Look(unit="locale")
"""Of things, in full: 12,345 and not 12.3 K."""

STATE = Look(
    words={
        0: ("has its agent", GREEN),
        1: ("never had one", GREY),
        2: ("maintenance", BLUE),
        3: ("lost its agent", RED),
    },
    steps=((None, GREEN), (1, GREY), (2, BLUE), (3, RED)),
)
"""Of promql.state."""


def yes_or_no(yes: str, no: str) -> Look:
    """Of a gauge that is 1 when all is well."""
    return Look(words={1: (yes, GREEN), 0: (no, RED)}, steps=bad_until(1))


SEVERITY = Look(
    words={"critical": ("critical", RED), "warning": ("warning", ORANGE), "info": ("info", BLUE)}
)
