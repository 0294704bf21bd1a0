"""Things that tell in which thread they were freed."""

import threading
import weakref
from dataclasses import dataclass, field


class Label(str):
    """A label's value, or anything else; unlike a ``str`` it can be watched."""

    __slots__ = ("__weakref__",)


@dataclass(frozen=True, slots=True)
class Watch:
    """``threads`` are those in which something watched was freed, one for each."""

    threads: list[int] = field(default_factory=list)

    def label(self, text: str) -> Label:
        """One that is watched."""
        made = Label(text)
        weakref.finalize(made, self._freed)
        return made

    def _freed(self) -> None:
        self.threads.append(threading.get_ident())
