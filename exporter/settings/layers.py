"""What each source of settings gives, in one form, before any value is looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.errors import Mistake
from exporter.settings.catalogue import SPELLINGS, Setting
from exporter.settings.kinds import Switch

Raw = str | tuple[str, ...]
"""A value as it was written; several for a repeated flag or a list in the file."""


@dataclass(frozen=True)
class Entry:
    """A value under one of the names in `SPELLINGS`."""

    name: str
    raw: Raw
    origin: str


@dataclass(frozen=True)
class Given:
    """A value given for a setting, and by whom. The repr hides the value: it may be a secret."""

    setting: Setting
    raw: Raw
    origin: str

    def __repr__(self) -> str:
        return f"Given({self.setting.name}, {self.origin})"


@dataclass(frozen=True)
class Layer:
    given: Mapping[str, Given]
    mistakes: tuple[Mistake, ...] = ()

    def nested(self) -> dict[str, Any]:
        """The values, nested as the fields of the model are."""
        root: dict[str, Any] = {}
        for item in self.given.values():
            branch = root
            for field in item.setting.path[:-1]:
                branch = branch.setdefault(field, {})
            branch[item.setting.path[-1]] = item.raw
        return root


def layer(entries: Iterable[Entry], mistakes: Iterable[Mistake] = ()) -> Layer:
    """Gather the entries of one source. Empty values are not values: compose files write them."""
    given: dict[str, Given] = {}
    found = list(mistakes)
    for entry in entries:
        spelling = SPELLINGS[entry.name]
        raw = entry.raw
        if spelling.negated and raw not in ("", ()):
            try:
                raw = Switch().show(not Switch().read(raw))
            except ValueError as error:
                found.append(Mistake(entry.name, entry.origin, str(error)))
                continue
        name = spelling.setting.name
        if name in given:
            message = f"is given here and as {given[name].origin}; keep one"
            found.append(Mistake(name, entry.origin, message))
        elif raw not in ("", ()):
            given[name] = Given(spelling.setting, raw, entry.origin)
    return Layer(given, tuple(found))
