"""HTML in which text is escaped unless it was made here."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """HTML that is finished. Any other string is text, and is escaped where it enters an element.

    Only the functions of this module make it.
    """

    __slots__ = ()


_EMPTY = frozenset({"meta", "link", "br"})


def element(name: str, /, *children: str, **attributes: str) -> Markup:
    """``class_`` stands for ``class``, ``http_equiv`` for ``http-equiv``; values are escaped."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(parts: Iterable[str], between: str = "") -> Markup:
    return Markup(
        escape(between).join(part if isinstance(part, Markup) else escape(part) for part in parts)
    )


def style(sheet: str) -> Markup:
    """The style sheet as it is, because HTML escapes nothing there: it must be a constant."""
    return element("style", Markup(sheet))


def table(caption: str, head: Iterable[str], rows: Iterable[Markup]) -> Markup:
    """On a narrow screen it scrolls by itself, also by keyboard, and the page does not."""
    columns = joined(element("th", title, scope="col") for title in head)
    inner = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", columns)),
        element("tbody", joined(rows)),
    )
    return element("div", inner, class_="wide", role="region", aria_label=caption, tabindex="0")


def row(first: str, *cells: str, class_: str = "") -> Markup:
    """The first cell is the heading of its row."""
    attributes = {"class_": class_} if class_ else {}
    rest = joined(element("td", cell) for cell in cells)
    return element("tr", element("th", first, scope="row"), rest, **attributes)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """A list of names and values."""
    return element(
        "dl", joined(joined((element("dt", name), element("dd", fact))) for name, fact in pairs)
    )


def document(head: Iterable[Markup], body: Iterable[Markup]) -> str:
    html = element("html", element("head", *head), element("body", *body), lang="en")
    return f"<!doctype html>\n{html}\n"
