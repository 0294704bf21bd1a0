"""The kinds of value a setting may have: how each is written, read and shown.

A kind stands in the ``Annotated`` type of a field. pydantic calls `Kind.read`; the catalogue asks
for the rest, so that help texts and messages say the same as the validation does.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

from exporter.settings.durations import duration, seconds

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BARE = re.compile(r"[!-~]+")  # printable ASCII
_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})


def quoted(raw: object) -> str:
    """Show a wrong value in a message: escaped, and short whatever its length."""
    text = raw if isinstance(raw, str) else repr(raw)[:80]
    return repr(text if len(text) <= 60 else text[:57] + "…")  # noqa: PLR2004 - fits a terminal line


def one_text(raw: object) -> str:
    """Take the single text that most kinds need, or raise ValueError."""
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, Sequence):
        raise ValueError("takes one value, not a list")  # noqa: TRY004 - pydantic collects these
    raise ValueError(f"{quoted(raw)} is not text; write the value as the reference shows it")


def line(text: str) -> str:
    """Refuse what is empty or more than one line."""
    if not text:
        raise ValueError("is empty; write a value, or leave it out")
    if _CONTROL.search(text):
        raise ValueError("holds control characters; write one line of text")
    return text


def credential(text: str) -> str:
    """Drop the end of line that editors and ``echo`` leave; refuse what no HTTP header may carry.

    The messages never show the text: it is a secret.
    """
    text = text.rstrip("\r\n")
    if not text:
        raise ValueError("is empty; give the value as one line")
    if not _BARE.fullmatch(text):
        raise ValueError("holds spaces or odd characters; give the value alone, as one line")
    return text


class Kind:
    """How a value is written (``form`` completes "is not …"), read and shown again."""

    secret: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False
    separator: ClassVar[str | None] = None
    """What parts the values of a repeatable setting in an environment variable, if anything."""

    @property
    def metavar(self) -> str:
        return "TEXT"

    @property
    def form(self) -> str:
        return "text"

    def read(self, raw: object) -> object:
        """Turn what was written into the value; ValueError carries a message for the operator."""
        return line(one_text(raw))

    def show(self, value: Any) -> str:
        """Write a value as `read` takes it."""
        return str(value)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)


@dataclass(frozen=True)
class Credential(Kind):
    """Half of a credential that may be seen."""

    def read(self, raw: object) -> str:
        return credential(one_text(raw))


@dataclass(frozen=True)
class Secret(Kind):
    """Never a flag, never shown."""

    secret = True

    def read(self, raw: object) -> SecretStr:
        return SecretStr(credential(one_text(raw)))

    def show(self, value: Any) -> str:
        return "[redacted]" if value is not None else ""


@dataclass(frozen=True)
class Lasting(Kind):
    """A duration, kept in seconds."""

    at_least: str
    at_most: str

    @property
    def metavar(self) -> str:
        return "DURATION"

    @property
    def form(self) -> str:
        return f"a duration from {self.at_least} to {self.at_most}, such as 30s, 5m or 1h30m"

    def read(self, raw: object) -> float:
        value = seconds(one_text(raw))
        if not seconds(self.at_least) <= value <= seconds(self.at_most):
            raise ValueError(f"{quoted(raw)} is not {self.form}")
        return value

    def show(self, value: Any) -> str:
        return duration(value)


@dataclass(frozen=True)
class Number(Kind):
    at_least: float
    at_most: float
    whole: bool = True

    @property
    def metavar(self) -> str:
        return "NUMBER"

    @property
    def form(self) -> str:
        return f"a {'whole ' * self.whole}number from {self.at_least:g} to {self.at_most:g}"

    def read(self, raw: object) -> float:
        text = one_text(raw)
        pattern = r"[0-9]{1,18}" if self.whole else r"[0-9]{1,18}(\.[0-9]{1,9})?"
        value = float(text) if re.fullmatch(pattern, text) else math.nan
        if not self.at_least <= value <= self.at_most:
            raise ValueError(f"{quoted(raw)} is not {self.form}")
        return int(value) if self.whole else value

    def show(self, value: Any) -> str:
        return f"{value:g}"


@dataclass(frozen=True)
class Choice(Kind):
    among: tuple[str, ...]

    @property
    def metavar(self) -> str:
        return f"{{{','.join(self.among)}}}"

    @property
    def form(self) -> str:
        return f"one of {', '.join(self.among)}"

    def read(self, raw: object) -> str:
        text = one_text(raw).lower()
        if text not in self.among:
            raise ValueError(f"{quoted(raw)} is not {self.form}")
        return text


@dataclass(frozen=True)
class Switch(Kind):
    @property
    def metavar(self) -> str:
        return "BOOL"

    @property
    def form(self) -> str:
        return "true or false"

    def read(self, raw: object) -> bool:
        text = one_text(raw).lower()
        if text not in _TRUE | _FALSE:
            raise ValueError(f"{quoted(raw)} is not {self.form}")
        return text in _TRUE

    def show(self, value: Any) -> str:
        return "true" if value else "false"
