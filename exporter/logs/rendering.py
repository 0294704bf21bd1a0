"""One line of text for one thing that happened. Whatever the values hold, it stays one line."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, Any]
Renderer = Callable[[Fields], str]

_BARE = re.compile(r'[^\s"=\\]+')
_KEY = re.compile(r"[^A-Za-z0-9_.-]")
_LEVEL_WIDTH = 8
_COLOURS = {"debug": 2, "info": 32, "warning": 33, "error": 31, "critical": 31}


def logfmt(fields: Fields) -> str:
    """Write ``key=value`` pairs, a value in quotes with JSON's escapes where it needs them."""
    return " ".join(f"{_KEY.sub('_', key) or '_'}={_value(value)}" for key, value in fields.items())


def as_json(fields: Fields) -> str:
    return json.dumps(fields)  # in ASCII, so that no reader takes U+2028 for the end of a line


def console(fields: Fields, colours: bool = False) -> str:
    """Write the time of day, the level and the message for the eye, then the rest as logfmt."""
    rest = dict(fields)
    time, level, msg = (str(rest.pop(key, "")) for key in ("time", "level", "msg"))
    shown = level.ljust(_LEVEL_WIDTH)
    if colours:
        shown = f"\x1b[{_COLOURS.get(level, 0)}m{shown}\x1b[0m"
    return f"{time[11:]} {shown} {_printable(msg)} {logfmt(rest)}".rstrip()


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if _BARE.fullmatch(text) and text.isprintable():
        return text
    return _printable(json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    """Escape what a terminal or a reader of lines could take for more than a character."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
