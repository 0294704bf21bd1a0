"""The kinds of value that point somewhere on a network, and the patterns."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from exporter.settings.addresses import ListenAddress
from exporter.settings.kinds import Kind, line, one_text, quoted

FIXED_PATHS = ("/", "/-", "/healthz", "/livez", "/readyz", "/favicon.ico")
"""What the server answers whatever the configuration says; nothing below ``/-`` is free either."""


@dataclass(frozen=True)
class Url(Kind):
    """A base URL. The messages never show it: it may hold a password that does not belong."""

    example: ClassVar[str] = "https://host/path"
    credentials: ClassVar[str] = "a setting of its own"

    @property
    def metavar(self) -> str:
        return "URL"

    @property
    def form(self) -> str:
        return "a base URL of http or https"

    def read(self, raw: object) -> str:
        text = line(one_text(raw))
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(f"is not a URL; write one such as {self.example}") from None
        if parts.scheme not in ("http", "https") or not host or port == 0 or " " in text:
            raise ValueError(f"is not a URL of http or https; write one such as {self.example}")
        if "@" in parts.netloc:
            raise ValueError(
                f"holds a user name or password; give a credential in {self.credentials} instead"
            )
        if "?" in text or "#" in text:
            raise ValueError("holds a query or a fragment; write the base only")
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


@dataclass(frozen=True)
class BaseUrl(Url):
    """The API's base, which ends in its version."""

    example: ClassVar[str] = "https://host/api/v1"
    credentials: ClassVar[str] = "auth.*"

    def read(self, raw: object) -> str:
        base = super().read(raw)
        return base if base.endswith("/v1") else base + "/v1"


@dataclass(frozen=True)
class UrlPath(Kind):
    @property
    def metavar(self) -> str:
        return "PATH"

    @property
    def form(self) -> str:
        return "a path such as /metrics"

    def read(self, raw: object) -> str:
        text = line(one_text(raw))
        if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", text):
            raise ValueError(f"{quoted(text)} is not a path such as /metrics")
        if any(text == fixed or text.startswith(f"{fixed}/") for fixed in FIXED_PATHS[1:]):
            raise ValueError(f"{quoted(text)} is taken by the server itself; choose another path")
        return text


@dataclass(frozen=True)
class Addresses(Kind):
    """One or more listen addresses."""

    repeatable = True
    separator = ","

    @property
    def metavar(self) -> str:
        return "ADDRESS"

    @property
    def form(self) -> str:
        return "host:port, :port or [IPv6 address]:port"

    def read(self, raw: object) -> tuple[ListenAddress, ...]:
        written = [part.strip() for text in several(raw) for part in text.split(",")]
        addresses = tuple(ListenAddress.parse(text) for text in written)
        for address, often in Counter(addresses).items():
            if often > 1 and address.port:
                raise ValueError(f"names {address} more than once; write it once")
        return addresses

    def show(self, value: Any) -> str:
        return ",".join(str(address) for address in value)


@dataclass(frozen=True)
class Names(Kind):
    """Names of fields, or ``*`` for all of them."""

    repeatable = True
    separator = ","

    @property
    def metavar(self) -> str:
        return "NAME"

    @property
    def form(self) -> str:
        return "the name of a field, or *"

    def read(self, raw: object) -> tuple[str, ...]:
        names = tuple(part.strip() for text in several(raw) for part in text.split(","))
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}|\*", name):
                raise ValueError(f"{quoted(name)} is not {self.form}")
        return names

    def show(self, value: Any) -> str:
        return ",".join(value)


@dataclass(frozen=True)
class Labels(Kind):
    """Names with values, as labels of Prometheus and Loki have them."""

    repeatable = True
    separator = ","

    @property
    def metavar(self) -> str:
        return "NAME=VALUE"

    @property
    def form(self) -> str:
        return "a label and its value, such as team=imports"

    def read(self, raw: object) -> tuple[tuple[str, str], ...]:
        written = [part.strip() for text in several(raw) for part in text.split(",")]
        pairs = []
        for text in written:
            name, _, value = text.partition("=")
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name) or not value.strip():
                raise ValueError(f"{quoted(text)} is not {self.form}")
            pairs.append((name, line(value.strip())))
        if len(dict(pairs)) < len(pairs):
            raise ValueError("names the same label twice")
        return tuple(pairs)

    def show(self, value: Any) -> str:
        return ",".join(f"{name}={text}" for name, text in value)


@dataclass(frozen=True)
class Patterns(Kind):
    """Regular expressions. No separator: each character may be part of one; ``|`` says "or"."""

    repeatable = True

    @property
    def metavar(self) -> str:
        return "REGEX"

    @property
    def form(self) -> str:
        return "a regular expression"

    def read(self, raw: object) -> tuple[re.Pattern[str], ...]:
        return tuple(_compiled(text) for text in several(raw))

    def show(self, value: Any) -> str:
        return "|".join(pattern.pattern for pattern in value)


def several(raw: object) -> tuple[str, ...]:
    """Take one text or a list of them, or raise ValueError."""
    if isinstance(raw, str):
        return (raw,)
    if isinstance(raw, Iterable):
        texts = tuple(raw)
        if texts and all(isinstance(text, str) for text in texts):
            return texts
    raise ValueError("takes one value or a list of values")


def _compiled(text: str) -> re.Pattern[str]:
    if not text:
        raise ValueError("an empty regular expression matches everything; leave it out instead")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{quoted(text)} is not a regular expression: {error}") from None
