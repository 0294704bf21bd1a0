"""Values minute by minute, in the notation of promtool's input series."""

from collections.abc import Iterator, Sequence

STALE = "stale"
Value = float | str | None
"""``None`` where nothing was scraped, STALE where the series ended with this scrape."""


def written(values: Sequence[Value]) -> str:
    """``[1, 1, 1, 2, 3, None]`` as ``1x2 2+1x1 _``: as few words as possible."""
    return " ".join(_runs(values))


def _runs(values: Sequence[Value]) -> Iterator[str]:
    at = 0
    while at < len(values):
        first = values[at]
        step = _step(values, at)
        end = at + 1
        while end < len(values) and _continues(values[end - 1], values[end], step):
            end += 1
        times = end - at - 1
        if first == STALE:
            yield from ["stale"] * (end - at)
        elif first is None:
            yield f"_x{end - at}"
        elif not times:
            yield f"{first:.10g}"
        else:
            yield f"{first:.10g}{step:+.10g}x{times}"
        at = end


def _step(values: Sequence[Value], at: int) -> float:
    first = values[at]
    second = values[at + 1] if at + 1 < len(values) else None
    if isinstance(first, str) or isinstance(second, str) or first is None or second is None:
        return 0.0
    return second - first


def _continues(before: Value, now: Value, step: float) -> bool:
    if isinstance(before, str) or isinstance(now, str) or before is None or now is None:
        return before == now
    return now - before == step
