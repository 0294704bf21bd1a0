"""What a scraper asks for, by the q-values of RFC 9110, section 12.5. Never raises.

A header that asks for nothing we have, or that cannot be read, is answered by what every scraper
understands: text 0.0.4, not compressed. RFC 9110 allows that in place of a 406, and a scraper with
an odd header is better served by metrics than by an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Format(Enum):
    """The value is the Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_OFFERS = {
    Format.TEXT: ("text", "plain", "0.0.4"),
    Format.OPENMETRICS: ("application", "openmetrics-text", "1.0.0"),
}
_CHARSETS = ("utf-8", "utf8", "*")
_BY_NAME = 3

_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class _Element:
    """One element of a list with weights; without a readable weight it is left out."""

    value: str
    parameters: dict[str, str]
    q: float


def negotiate(accept: str | None) -> Format:
    """OpenMetrics if it is asked for by name, version 1.0.0 or none, and preferred; else text.

    A client that knows OpenMetrics 0.0.1 only gets text: no 0.0.1 is written here. Of equally
    wanted formats the one asked for more exactly, then earlier, wins.
    """
    elements = tuple(_elements(accept or ""))
    wanted = _rank(Format.OPENMETRICS, elements)
    return Format.OPENMETRICS if wanted > _rank(Format.TEXT, elements) else Format.TEXT


def gzipped(accept_encoding: str | None) -> bool:
    """Whether to compress: gzip is acceptable and identity is not preferred.

    RFC 9110, section 12.5.3. Without the header the answer is not compressed.
    """
    weights: dict[str, float] = {}
    for element in _elements(accept_encoding or ""):
        coding = element.value.removeprefix("x-")  # x-gzip is gzip (section 8.4.1.3)
        weights[coding] = max(element.q, weights.get(coding, 0.0))
    rest = weights.get("*")
    gzip = weights.get("gzip", rest)
    identity = weights.get("identity", rest)
    if gzip is None:  # neither asked for nor refused: only if nothing else is left
        return identity == 0
    return gzip > 0 and (identity is None or gzip >= identity)


def _rank(form: Format, elements: tuple[_Element, ...]) -> tuple[float, int, int]:
    """How much the format is wanted: by weight, by name rather than by wildcard, by position."""
    matches = [
        (exactness, -position, element.q)
        for position, element in enumerate(elements)
        if (exactness := _exactness(form, element))
    ]
    # Of several that match, the most exact one decides (RFC 9110, section 12.5.1).
    exactness, position, q = max(matches, default=(0, 0, 0.0))
    return (q, min(exactness, _BY_NAME), position) if q > 0 else (0.0, 0, 0)


def _exactness(form: Format, element: _Element) -> int:
    """0 for no match; more for a type by name, and for each parameter that had to agree."""
    kind, subkind, version = _OFFERS[form]
    if element.value == "*/*":
        return 1
    if element.value == f"{kind}/*":
        return 2
    if element.value != f"{kind}/{subkind}":
        return 0
    if element.parameters.get("version", version) != version:
        return 0
    if element.parameters.get("charset", "utf-8").lower() not in _CHARSETS:
        return 0
    return _BY_NAME + sum(name in element.parameters for name in ("version", "charset"))


def _elements(header: str) -> Iterator[_Element]:
    for found in _split(header, ","):
        value, *rest = _split(found, ";")
        parameters = {}
        for each in rest:
            name, _, content = each.partition("=")
            parameters[name.strip().lower()] = _unquoted(content.strip())
        weight = parameters.pop("q", "1")
        if value.strip() and _QVALUE.fullmatch(weight):
            yield _Element(value.strip().lower(), parameters, float(weight))


def _split(text: str, separator: str) -> list[str]:
    """Split where the separator is not within quotation marks (RFC 9110, section 5.6.4).

    By hand, because it is linear whatever the text; a regular expression that knows of escapes
    is not.
    """
    if '"' not in text:
        return text.split(separator)
    parts, start, quoted, escaped = [], 0, False, False
    for at, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
