"""One mapping of the file, read by nodes.

Nodes and not values, so that each value knows its line, a key given twice is seen, and text
arrives as it was written (``X-XSS-Protection: 1`` is the text 1, as it is for the toolkit). What
the file holds is never quoted unless it is one of a known set: passwords' hashes and keys are in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from exporter.errors import Mistake
from exporter.web.guard.entry import Entry, at, unknown

_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_TRUE = frozenset({"true", "yes", "on"})
_STANDARD = "tag:yaml.org,2002:"


@dataclass
class Table:
    """``name`` is its dotted name, empty for the whole file; ``mistakes`` is shared by all.

    ``private`` if its keys are not to be repeated.
    """

    path: Path
    name: str
    node: yaml.MappingNode
    mistakes: list[Mistake]
    private: bool = False
    members: dict[str, yaml.Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(key, self.name or "file", "has a key that is not a word")
            elif key.value in self.members:
                self._wrong(key, self.dotted(key.value), "is given twice; keep one")
            else:
                self.members[key.value] = value

    def dotted(self, key: str) -> str:
        if self.private:
            return self.name
        return f"{self.name}.{key}" if self.name else key

    @property
    def here(self) -> Entry:
        return at(self.path, self.node, self.name)

    def only(self, *known: str) -> None:
        """Everything else that is in it is a mistake."""
        for key, value in self.members.items():
            if key not in known:
                self._wrong(value, self.dotted(key), unknown(key, known))

    def table(self, key: str, *, private: bool = False) -> "Table | None":
        """The mapping below; None if it is absent or left empty."""
        node = self._present(key)
        if isinstance(node, yaml.MappingNode):
            return Table(self.path, self.dotted(key), node, self.mistakes, private)
        if node is not None:
            self._wrong(node, self.dotted(key), "is not a mapping; write its settings below it")
        return None

    def text(self, key: str) -> Entry | None:
        """A scalar as it is written; None if it is absent or empty, which is the same here."""
        node = self._present(key)
        found = None if node is None else self._scalar(node, self.dotted(key))
        return found if found is not None and found.text else None

    def texts(self, key: str) -> tuple[Entry, ...] | None:
        """A list of scalars; None if it is absent."""
        node = self._present(key)
        if node is None:
            return None
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, self.dotted(key), "is not a list; write `- ` before each value")
            return None
        found = (self._scalar(item, self.dotted(key)) for item in node.value)
        return tuple(entry for entry in found if entry is not None)

    def switch(self, key: str, *, default: bool) -> bool:
        node = self._present(key)
        if node is None:
            return default
        if not isinstance(node, yaml.ScalarNode) or node.tag != _BOOL:
            self._wrong(node, self.dotted(key), "is not true or false")
            return default
        return node.value.lower() in _TRUE

    def all(self) -> Iterator[tuple[str, Entry]]:
        """Every member, as text; empty ones too."""
        for key, node in self.members.items():
            found = self._scalar(node, self.dotted(key))
            if found is not None:
                yield key, found

    def wrong(self, entry: Entry, message: str) -> None:
        self.mistakes.append(entry.mistake(message))

    def _present(self, key: str) -> yaml.Node | None:
        node = self.members.get(key)
        return None if node is None or node.tag == _NULL else node

    def _scalar(self, node: yaml.Node, setting: str) -> Entry | None:
        if not isinstance(node, yaml.ScalarNode) or not node.tag.startswith(_STANDARD):
            self._wrong(node, setting, "is not text; write the value itself")
            return None
        return at(self.path, node, setting, "" if node.tag == _NULL else node.value)

    def _wrong(self, node: yaml.Node, setting: str, message: str) -> None:
        self.wrong(at(self.path, node, setting), message)
