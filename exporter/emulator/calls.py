"""A question as the emulator understood it, and an answer before it is sent."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Request:
    """What is remembered of a request: never its token or body. `at` is Unix seconds.

    `path` is without the base path; `status` is 0 where nothing complete was answered; `fault` is
    the kind of the fault that was played.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    at: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def flag(self, name: str) -> bool | None:
        """True, false or not said. Refusal 400 for anything else."""
        value = self.query.get(name)
        if value is None or value == "":
            return None
        if value not in {"true", "false"}:
            raise Refusal(400, f"{name} must be a boolean")
        return value == "true"

    def number(self, name: str, default: int) -> int:
        value = self.query.get(name, "")
        if not value:
            return default
        if not value.isascii() or not value.isdigit():
            raise Refusal(400, f"{name} must be a positive integer")
        return int(value)

    def required(self, name: str) -> str:
        value = self.query.get(name, "")
        if not value:
            raise Refusal(400, f"{name} is required")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """`document` is sent as JSON; where `raw` is given, it is sent as it is."""

    document: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    media: str = "application/json; charset=utf-8"


@dataclass
class Refusal(Exception):
    """An answer that is an error, in the envelope of the API notes, section 4."""

    status: int
    message: str
    headers: tuple[tuple[str, str], ...] = field(default=())

    def answer(self, form: Literal["envelope", "array", "text"] = "envelope") -> Answer:
        errors = [{"message": self.message}]
        if form == "text":
            return Answer(None, self.status, self.headers, self.message.encode(), "text/plain")
        return Answer(errors if form == "array" else {"errors": errors}, self.status, self.headers)
