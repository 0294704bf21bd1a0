"""As much of PromQL as it takes to see which series an expression reads, and how.

Prometheus itself judges the rest: every expression is run.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")
    | (?P<range>\[[^\]]*\])
    | (?P<number>\d[\w.]*)
    | (?P<name>[A-Za-z_:$][\w:]*)
    | (?P<sign>=~|!~|!=|==|<=|>=|\S)""",
    re.VERBOSE,
)
_LISTS = {"by", "on", "without", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


@dataclass(frozen=True)
class Selector:
    """``matchers`` are operator and value by label; ``window`` is the text in brackets.

    ``within`` is the function or aggregation whose argument it is, empty for none.
    """

    name: str
    matchers: Mapping[str, tuple[str, str]]
    window: str
    within: str


@dataclass(frozen=True)
class Read:
    """``grouped`` are the labels of ``by``, ``on`` and their like."""

    selectors: tuple[Selector, ...]
    grouped: frozenset[str]


def read(expr: str) -> Read:
    """ValueError for what it does not understand."""
    tokens = [(str(one.lastgroup), one[0]) for one in _TOKEN.finditer(expr)]
    selectors: list[Selector] = []
    grouped: set[str] = set()
    calls: list[str] = []
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        after = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        at += 1
        if kind == "name" and text in _LISTS and after == "(":
            end = _closing(tokens, at, ")")
            grouped.update(label for sort, label in tokens[at:end] if sort == "name")
            at = end + 1
        elif (kind == "name" and text in _WORDS) or (
            kind == "name" and (after == "(" or tokens[at - 2 : at - 1] == [("sign", "@")])
        ):
            continue
        elif kind == "name" and after in _LISTS:
            continue  # an aggregation whose list comes first
        elif kind == "name":
            end = _closing(tokens, at, "}") if after == "{" else at - 1
            matchers = dict(_matchers(tokens[at + 1 : end])) if after == "{" else {}
            at = end + 1
            window = tokens[at][1][1:-1] if tokens[at : at + 1] and tokens[at][0] == "range" else ""
            selectors.append(Selector(text, matchers, window, calls[-1] if calls else ""))
        elif text == "(":
            calls.append(_called(tokens[: at - 1]))
        elif text == ")":
            calls.pop()
    if not selectors:
        raise ValueError(f"no series in {expr}")
    return Read(tuple(selectors), frozenset(grouped))


def _closing(tokens: list[tuple[str, str]], start: int, sign: str) -> int:
    return next(n for n in range(start, len(tokens)) if tokens[n] == ("sign", sign))


def _called(before: list[tuple[str, str]]) -> str:
    """The function of a parenthesis; the list of an aggregation may stand between them."""
    if before and before[-1] == ("sign", ")"):
        start = max(n for n, token in enumerate(before) if token == ("sign", "("))
        before = before[: start - 1]
    if not before or before[-1][0] != "name" or before[-1][1] in _WORDS | _LISTS:
        return ""
    return before[-1][1]


def _matchers(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, str]]]:
    rest = [token for token in tokens if token != ("sign", ",")]
    while rest:
        (_, label), (_, sign), (kind, value), *rest = rest
        if kind != "string":
            raise ValueError(f"{label}{sign}{value} is no matcher")
        yield label, (sign, value[1:-1])
