"""Where a command writes to, and whom it may ask."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Self, TextIO

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """``out`` takes lines of data, ``say`` sentences for people; neither takes complaints.

    ``progress`` shows a line in place of the one before; an empty text takes it away. ``ask`` puts
    a question and gives what was answered; None where nobody sits at a terminal.
    """

    out: BinaryIO
    say: Say
    complain: Say
    progress: Say
    ask: Callable[[str], str] | None

    @classmethod
    def standard(cls, say: Say, complain: Say) -> Self:
        """The process's own. Progress is shown on a terminal, unless the data go there, too."""
        seen = sys.stderr.isatty() and not sys.stdout.isatty()
        return cls(
            out=sys.stdout.buffer,
            say=say,
            complain=complain,
            progress=_over_and_over(sys.stderr) if seen else lambda _: None,
            ask=input if sys.stdin.isatty() and sys.stdout.isatty() else None,
        )


def _over_and_over(stream: TextIO) -> Say:
    def show(text: str) -> None:
        stream.write(f"\r\x1b[K{text}")
        stream.flush()

    return show
