"""JSON in the one form that is hashed: RFC 8785, the JSON Canonicalization Scheme (JCS).

Three things cannot be said in it, and are replaced rather than refused, since a record that
could not be hashed could not be kept either: a lone surrogate becomes U+FFFD, a number that is
not finite becomes null, and a whole number beyond 2**53 becomes the double nearest to it (section
3.2.2.3: numbers are IEEE 754 doubles).
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping

import orjson
import rfc8785

from exporter.audit.record import Json

EXACT = 2**53 - 1
"""The largest whole number that has a canonical form: all up to it are doubles (3.2.2.3)."""

_AS_THEY_ARE = frozenset({int, bool, type(None)})
_ASTRAL = re.compile(rb"[\xf0-\xf4]")  # how a character beyond U+FFFF begins in UTF-8
_SORTED = orjson.OPT_SORT_KEYS
_EXACTLY = _SORTED | orjson.OPT_STRICT_INTEGER


def canonical(value: Json) -> bytes:
    """``value`` by RFC 8785, as UTF-8.

    The fast way takes plain text and whole numbers: orjson escapes strings as the RFC says
    (3.2.2.2), and its order of keys, by code points, is that of their UTF-16 code units unless one
    has a character beyond U+FFFF. Whatever else there is goes the slow way, through the library.
    Raises ValueError if it is nested too deep to be said.
    """
    try:
        if _plain(value):
            body = orjson.dumps(value, option=_EXACTLY)
            if body.isascii() or not _ASTRAL.search(body):
                return body
    except orjson.JSONEncodeError:  # a lone surrogate, a large number, a key that is no text
        pass
    try:
        return rfc8785.dumps(_sayable(value))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def sure(value: Json) -> bytes:
    """As :func:`canonical`, of what needs no looking through.

    Which is text, small whole numbers and booleans, under keys without characters beyond U+FFFF.
    """
    try:
        return orjson.dumps(value, option=_SORTED)
    except orjson.JSONEncodeError:  # a lone surrogate
        return canonical(value)


class Said(dict[str, Json]):
    """A part that many records have in common: ``text`` is its canonical form. Never changed."""

    __slots__ = ("text",)

    def __init__(self, fields: Mapping[str, Json]) -> None:
        super().__init__(fields)
        self.text = canonical(fields)


def digest(data: bytes) -> str:
    """SHA-256 in 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def encodable(text: str) -> str:
    """The same with U+FFFD for each lone surrogate, which UTF-8 cannot say."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(value: Json) -> bool:
    """Whether it is text and whole numbers, in dicts and lists, and nothing that looks like it."""
    waiting: list[Iterable[Json]] = [(value,)]
    for items in waiting:
        for item in items:
            kind = item.__class__
            if kind is str:  # as most are
                continue
            if kind is dict:
                waiting.append(item.values())
            elif kind is list or kind is tuple:
                waiting.append(item)
            elif kind not in _AS_THEY_ARE:
                return False
    return True


def _sayable(value: Json) -> Json:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else _sayable(_double(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {encodable(key): _sayable(item) for key, item in value.items()}
    return [_sayable(item) for item in value]


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
