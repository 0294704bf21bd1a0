"""What an operator asked to be kept of a payload: copied within bounds, without what is denied.

The chain can never be edited, so that the names below stay out whatever was asked for, and every
text loses e-mail addresses and what looks like a secret (:mod:`exporter.logs.redaction`).
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from exporter.audit.canonical import EXACT
from exporter.audit.record import Json
from exporter.logs.redaction import redacted

CUT = "…"
"""Stands at the end of what was cut, and alone in the place of what lies too deep."""

_LONGEST_NUMBER = 500  # characters
_DEEPEST = 6
_MOST = 5_000  # values kept of one field that was asked for

_DENIED = re.compile(
    r"(secret|secretvalue|token|password|passwd|passphrase|authorization|cookie|credentials?"
    r"|signature|(api|raw|private|access)key|bearer|jwt|(guest|shared|magic)link|callbackurl"
    r"|dataurl|source|sourcemap|sourcecode|e?mails?|e?mailaddress"
    r"|(first|last|full|user|display|given|family|nick)name)$"
)
_ADDRESS = re.compile(r"(e?mails?|e?mailaddress)$")


def text(value: str) -> str:
    """Unicode that can be stored: half of a surrogate pair becomes U+FFFD, and so does a NUL.

    SQLite's JSON functions end a text at its first NUL: such an id would never be found again.
    """
    if not value.isascii():
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value.replace("\0", "\ufffd") if "\0" in value else value


@lru_cache(maxsize=4_096)
def denied(key: str) -> bool:
    """Whether a field of that name is never kept, however deep it lies."""
    return bool(_DENIED.search(_letters(key)))


def has_address(fields: Mapping[Any, Json]) -> bool:
    """Whether an e-mail address is among them: what has one is a person."""
    return any(_ADDRESS.search(_letters(str(key))) for key in fields)


def _letters(key: str) -> str:
    return re.sub(r"[^a-z]", "", key[-64:].lower())


def _number(value: int) -> int | str:
    """Python refuses to write thousands of digits in tens."""
    return value if abs(value) <= EXACT else hex(value)[:_LONGEST_NUMBER]


class Excerpt:
    """Copies what was asked for, within bounds: a canvas may be megabytes."""

    def __init__(self) -> None:
        self._left = _MOST

    def value(self, value: Json, depth: int) -> Json:
        self._left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return redacted(text(value))
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return self._nested(value, depth) if not isinstance(value, int) else _number(value)

    def _nested(self, value: Json, depth: int) -> Json:
        if depth < _DEEPEST and isinstance(value, Mapping):
            return self.mapping(value, depth, person=has_address(value))
        if depth < _DEEPEST and isinstance(value, list):
            return self._list(value, depth)
        return CUT

    def mapping(self, value: Mapping[Any, Json], depth: int, *, person: bool) -> dict[str, Json]:
        """``person`` is whether it is of somebody, whose name is not kept."""
        kept: dict[str, Json] = {}
        for key, item in value.items():
            name = text(str(key))
            if denied(name) or (person and name.lower() == "name"):
                continue
            if self._left <= 0:
                kept[CUT] = CUT
                break
            kept[str(redacted(name))] = self.value(item, depth + 1)
        return kept

    def _list(self, value: Sequence[Json], depth: int) -> list[Json]:
        kept: list[Json] = []
        for item in value:
            if self._left <= 0:
                kept.append(CUT)
                break
            kept.append(self.value(item, depth + 1))
        return kept
