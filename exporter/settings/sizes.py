"""Amounts of bytes, written as people write them."""

import re
from dataclasses import dataclass
from typing import Any

from exporter.settings.kinds import Kind, one_text, quoted

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_WRITTEN = re.compile(r"([0-9]{1,15})\s?(B|KiB|MiB|GiB|TiB)")


def size(text: str) -> int:
    """Bytes of ``512MiB``; the units are powers of 1024. Raises ValueError."""
    found = _WRITTEN.fullmatch(text)
    if not found:
        raise ValueError(f"{quoted(text)} is not a size; write one such as 512MiB or 1GiB")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class Size(Kind):
    """A size, kept in bytes."""

    at_least: str
    at_most: str

    @property
    def metavar(self) -> str:
        return "SIZE"

    @property
    def form(self) -> str:
        return f"a size from {self.at_least} to {self.at_most}, such as 512MiB or 1GiB"

    def read(self, raw: object) -> int:
        value = size(one_text(raw))
        if not size(self.at_least) <= value <= size(self.at_most):
            raise ValueError(f"{quoted(raw)} is not {self.form}")
        return value

    def show(self, value: Any) -> str:
        unit = next(u for u in reversed(_UNITS) if value % _UNITS[u] == 0)
        return f"{value // _UNITS[unit]}{unit}"
