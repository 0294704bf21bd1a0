"""Cutting a list into pages, with what is unknown about that (the API notes, sections 4 and 4.1)."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from exporter.emulator.calls import Call, Refusal
from exporter.emulator.quirks import Quirks

T = TypeVar("T")


class _Thing(Protocol):
    @property
    def id(self) -> str: ...


S = TypeVar("S", bound=_Thing)


def window(call: Call, quirks: Quirks, default_size: int) -> tuple[int, int, int]:
    """Where the asked page begins, how long it is, and the size by which pages are counted."""
    asked = call.number("pageSize", default_size)
    first = 0 if quirks.page_zero_based else 1
    number = call.number("pageNumber", first) - first
    if asked < 1 or number < 0:
        raise Refusal(400, "pageSize and pageNumber must be positive")
    size = asked
    if quirks.page_size_max is not None and asked > quirks.page_size_max:
        if quirks.page_size_over == "refuse":
            raise Refusal(400, f"pageSize must not be greater than {quirks.page_size_max}")
        size = quirks.page_size_max
    return number * size, size, asked if quirks.page_count_by_asked_size else size


def page(
    call: Call,
    quirks: Quirks,
    template: str,
    items: Sequence[T],
    shape: Callable[[T], Any],
    default_size: int,
    total: int | None = None,
) -> dict[str, Any]:
    """The envelope of a list: `data`, and `pagination` unless the quirk leaves it out."""
    begin, size, counted = window(call, quirks, default_size)
    answer: dict[str, Any] = {"data": [shape(item) for item in items[begin : begin + size]]}
    if quirks.paginates(template):
        count = len(items) if total is None else total
        answer["pagination"] = {
            "currentPage": begin // size + (0 if quirks.page_zero_based else 1),
            "pageCount": -(-count // counted),
            "totalCount": count,
        }
    return answer


def ordered(items: Sequence[S], quirks: Quirks, dice: Random) -> Sequence[S]:
    """`items` come in the order of their creation; no order is documented for any list."""
    match quirks.list_order:
        case "created":
            return items
        case "created_desc":
            return items[::-1]
        case "id":
            return sorted(items, key=lambda item: item.id)
        case "random":
            return dice.sample(items, len(items))
