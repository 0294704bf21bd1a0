"""A value of the file together with where it stands, so that any later mistake can name the line."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from exporter.errors import Mistake

_LONGEST = 100  # characters of a name that are shown


@dataclass(frozen=True, slots=True)
class Entry:
    """``setting`` is dotted (``tls_server_config.cert_file``), ``origin`` the file and the line.

    The repr hides the text: it may be a key or a hash.
    """

    setting: str
    origin: str
    text: str

    def mistake(self, message: str) -> Mistake:
        return Mistake(self.setting, self.origin, message)

    def note(self, message: str) -> str:
        """Something to say about it that is no mistake."""
        return str(self.mistake(message))

    def __repr__(self) -> str:
        return f"Entry({self.setting}, {self.origin})"


def at(path: Path, node: yaml.Node, setting: str, text: str = "") -> Entry:
    return Entry(printable(setting[:_LONGEST]), origin(path, node), text)


def origin(path: Path, node: yaml.Node | None = None) -> str:
    line = "" if node is None else f", line {node.start_mark.line + 1}"
    return printable(f"file {path}") + line


def printable(text: str) -> str:
    """On one line of any terminal, whatever it holds."""
    return text if text.isprintable() else repr(text)[1:-1]


def unknown(name: str, known: Iterable[str]) -> str:
    """The message about a name that is not in the format."""
    names = list(known)
    near = difflib.get_close_matches(name[:_LONGEST], names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
    return f"is unknown; {hint}"
