"""What a quiet moment holds, and what is more of it than at another one."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import page
from tests.chaos.stage import Stage

_FDS = Path("/proc/self/fd")
_PAUSE = 2.5  # seconds for what is under way to end
_OURS = ("exporter.emulator", "tests.", "_pytest", "pytest")
_GROWTH = 4_000  # objects: caches fill, and there are as many things as the storm left


@dataclass(frozen=True)
class Left:
    """What a quiet moment holds."""

    tasks: Counter[str]
    files: int
    exchanges: int
    objects: Counter[str]

    @property
    def objects_of_others(self) -> int:
        """Without those of the emulator and of the test."""
        return sum(number for kind, number in self.objects.items() if not kind.startswith(_OURS))

    def more(self, after: "Left") -> Counter[str]:
        """By how many objects of each kind there are more afterwards, or fewer."""
        kinds = {kind: n - self.objects[kind] for kind, n in after.objects.items()}
        return Counter({kind: n for kind, n in kinds.items() if not kind.startswith(_OURS)})


async def left(made: Stage) -> Left:
    """After all garbage is gone, and without what the emulator and the test remember."""
    made.emulator.requests.clear()
    made.chronicle.forget()
    page.forget()
    await asyncio.sleep(_PAUSE)
    for _ in range(3):
        gc.collect()
    tasks = Counter(task.get_name().split("-")[0] for task in asyncio.all_tasks())
    return Left(
        tasks=tasks,
        files=len(list(_FDS.iterdir())),
        exchanges=made.network.open,
        objects=Counter(_kind(one) for one in gc.get_objects()),
    )


def _kind(one: object) -> str:
    kind = type(one)
    return f"{kind.__module__}.{kind.__qualname__}"


def grown(before: Left, after: Left) -> Iterator[str]:
    for name, number in (after.tasks - before.tasks).items():
        # One round may be under way at one moment and not at the other; see Left.
        if number > 8:
            yield f"tasks leaked: {number} more of {name}"
    if after.files > before.files + 2:
        yield f"files leaked: {after.files} after {before.files}"
    if after.exchanges > before.exchanges + 8:
        yield f"connections leaked: {after.exchanges} after {before.exchanges}"
    more = before.more(after)
    if sum(more.values()) > _GROWTH:
        yield f"memory grew by {sum(more.values())} objects, most of them {more.most_common(6)}"
