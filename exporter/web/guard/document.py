"""What the file says, as a value: names, types and lists of allowed words are checked here.

Whatever needs a look at another file is checked by ``context``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from exporter.errors import Mistake
from exporter.web.guard.entry import Entry, origin
from exporter.web.guard.intervals import seconds
from exporter.web.guard.table import Table

_NULL = "tag:yaml.org,2002:null"
# The 22 characters of the salt are 128 bits, so that the last one is one of four.
_HASH = re.compile(
    r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
)
_SLOW = 14  # cost of a hash beyond which one check takes more than about two seconds
_WHOLE = re.compile(r"[0-9]{1,9}")
_SENDABLE = re.compile(r"[ -~\t]*")  # what h11 lets through, short of the deprecated obs-text

# prometheus/exporter-toolkit, web/handler.go: the headers that may be set, and to what.
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_TLS_TEXTS = (
    "cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type",
    "min_version", "max_version",
)  # fmt: skip
_TLS_LISTS = ("cipher_suites", "curve_preferences", "client_allowed_sans")
_PREFER = "prefer_server_cipher_suites"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """``texts`` and ``lists`` by name, without those that are absent; ``here`` is the section."""

    here: Entry
    texts: Mapping[str, Entry]
    lists: Mapping[str, tuple[Entry, ...]]
    prefer_server_cipher_suites: bool = True


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One request each ``interval`` seconds, and ``burst`` at once after a pause."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """``users`` are bcrypt hashes by name; the repr hides them."""

    tls: Tls | None = None
    http2: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate_limit: RateLimit | None = None
    notes: tuple[str, ...] = ()


def parse(content: bytes, path: Path, mistakes: list[Mistake]) -> Document:
    """Read it; what is wrong is added to ``mistakes``. An empty file asks for nothing."""
    try:
        # SafeLoader only tells null and truth values from text; nothing is constructed.
        root = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mistakes.append(_unusable(path, f"it is not YAML that can be read{_where(error)}"))
        return Document()
    if root is None or root.tag == _NULL:
        return Document()
    if not isinstance(root, yaml.MappingNode):
        mistakes.append(_unusable(path, "it is not a mapping of sections to settings"))
        return Document()
    table = Table(path, "", root, mistakes)
    table.only("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
    notes: list[str] = []
    http = table.table("http_server_config")
    if http is not None:
        http.only("http2", "headers")
    return Document(
        tls=_tls(table.table("tls_server_config")),
        http2=_http2(http, notes),
        headers=_headers(http.table("headers") if http else None),
        users=_users(table.table("basic_auth_users", private=True), notes),
        rate_limit=_rate_limit(table.table("rate_limit"), notes),
        notes=tuple(notes),
    )


def _unusable(path: Path, what: str) -> Mistake:
    return Mistake("web.config.file", origin(path), f"cannot use this file: {what}; correct it")


def _where(error: Exception) -> str:
    # Not error.problem: it quotes tokens, and a token may be a part of a secret.
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _tls(table: Table | None) -> Tls | None:
    if table is None or not table.members:
        return None
    table.only(*_TLS_TEXTS, *_TLS_LISTS, _PREFER)
    texts = {key: table.text(key) for key in _TLS_TEXTS}
    lists = {key: table.texts(key) for key in _TLS_LISTS}
    return Tls(
        here=table.here,
        texts={key: entry for key, entry in texts.items() if entry is not None},
        lists={key: entries for key, entries in lists.items() if entries is not None},
        prefer_server_cipher_suites=table.switch(_PREFER, default=True),
    )


def _http2(table: Table | None, notes: list[str]) -> bool:
    if table is None or "http2" not in table.members:
        return True
    wanted = table.switch("http2", default=True)
    if wanted:
        notes.append(f"{table.dotted('http2')}: is without effect, HTTP/1.1 is all that is spoken")
    return wanted


def _headers(table: Table | None) -> tuple[tuple[str, str], ...]:
    """A blank value leaves a header unset, as the toolkit documents it."""
    headers: list[tuple[str, str]] = []
    if table is None:
        return ()
    for name, entry in table.all():
        allowed = _HEADERS.get(name)
        if allowed is None:
            table.wrong(entry, f"cannot be configured; these can: {', '.join(_HEADERS)}")
        elif entry.text and allowed and entry.text not in allowed:
            table.wrong(entry, f"is not {' or '.join(allowed)}")
        elif not _SENDABLE.fullmatch(entry.text):
            table.wrong(entry, "holds what no header can carry; write one line of ASCII")
        elif entry.text.strip():
            headers.append((name, entry.text.strip()))
    return tuple(headers)


def _users(table: Table | None, notes: list[str]) -> Mapping[str, str]:
    """Messages name the line and not the user, who may be a person."""
    users: dict[str, str] = {}
    if table is None:
        return users
    for name, entry in table.all():
        if not name or ":" in name:
            table.wrong(entry, "has a user name that no client can send: empty, or with a colon")
        elif not _HASH.fullmatch(entry.text):
            table.wrong(
                entry,
                "the value is not a bcrypt hash ($2a$, $2b$ or $2y$, cost 4 to 31); make one with"
                ' `htpasswd -nBC 10 "" | tr -d ":\\n"`',
            )
        else:
            users[name] = entry.text
            if int(entry.text[4:6]) > _SLOW:
                notes.append(entry.note(f"cost {entry.text[4:6]} takes seconds for a first check"))
    return users


def _rate_limit(table: Table | None, notes: list[str]) -> RateLimit | None:
    if table is None:
        return None
    table.only("interval", "burst")
    interval, burst = table.text("interval"), table.text("burst")
    every, at_once = 0.0, 0
    if interval is not None:
        try:
            every = seconds(interval.text)
        except ValueError as error:
            table.wrong(interval, str(error))
    if burst is not None:
        if not _WHOLE.fullmatch(burst.text):
            table.wrong(burst, "is not a whole number of requests, such as 10")
            return None
        at_once = int(burst.text)
    if not every:
        return None
    if not at_once:
        notes.append(table.here.note("lets nothing through, since burst is 0"))
    return RateLimit(every, at_once)
