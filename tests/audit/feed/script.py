"""A source of which a test decides everything: what it shows when, in which order, and how far."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from exporter.flatfile.raw import RawEvent

Arrange = Callable[[list[RawEvent]], list[RawEvent]]


def event(id_: str, at: float, environment_id: str = "us_env_1", topic: str = "t") -> RawEvent:
    raw = {"id": id_, "topic": topic, "context": {"environmentId": environment_id}}
    return RawEvent(id=id_, topic=topic, created_at=at, raw=raw)


def newest_first(events: list[RawEvent]) -> list[RawEvent]:
    return sorted(events, key=lambda one: (-one.created_at, one.id))


@dataclass
class Script:
    """Answers the one question of the Protocol ``Flatfile`` that the feed asks.

    ``arrange`` is asked anew for each page, ``before`` is awaited before each with its index and
    its size, and may raise what a server does.
    """

    events: Sequence[RawEvent] = ()
    arrange: Arrange = newest_first
    before: Callable[[int, int], Any] = lambda _index, _size: asyncio.sleep(0)
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def raw_events(
        self,
        since: float,
        *,
        environment_id: str | None = None,
        topic: str | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[tuple[RawEvent, ...], None]:
        size = page_size or 10
        self.asked.append({"since": since, "environment_id": environment_id, "size": size})
        index = 0
        while True:
            await self.before(index, size)
            shown = self.arrange(
                [
                    one
                    for one in self.events
                    if one.created_at >= since
                    and environment_id in {None, one.environment_id}
                    and topic in {None, one.topic}
                ]
            )
            page = tuple(shown[index * size : (index + 1) * size])
            if not page:
                return
            yield page
            index += 1

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"the feed has no business with {name}")
