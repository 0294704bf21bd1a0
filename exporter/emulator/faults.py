"""What may go wrong with an answer, switchable at run time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from http import HTTPStatus
from random import Random
from typing import Any, Literal, get_args

from exporter.emulator.calls import Call

Kind = Literal[
    "status",  # `status`, with a Retry-After header for each of `retry_after`
    "latency",  # the normal answer, `delay` seconds late
    "html",  # a web page with `status`, which is 200 by default
    "empty",  # no body at all
    "cut_json",  # the first half of the normal answer, declared complete
    "not_utf8",
    "garbled",  # the normal answer with every seventh byte destroyed
    "cut_gzip",  # the first half of the normal answer, compressed as nobody may have asked
    "deep_json",  # brackets within brackets, `depth` deep
    "wrong_data",  # `data` is a string
    "wrong_types",  # ids are numbers, booleans are strings
    "nulls",  # every value of every thing is null
    "missing_fields",  # things without anything
    "redirect",  # to `location`, on another host
    "hang",  # no answer, ever
    "drip",  # a byte every `delay` seconds (1 if none)
    "huge",  # `megabytes` of a body that begins well
    "endless",  # a body without an end; needs a real server, else it fills the memory
    "disconnect",  # the connection is cut after the header or within the body; real server only
]
_REDIRECTS = range(300, 400)
KINDS: tuple[str, ...] = get_args(Kind)


class WrongFault(ValueError):
    """No such kind or field, or a value that does not fit."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One disturbance and the questions it meets.

    `route` is a pattern as in a shell over the path without its base (`/spaces*`); the fault hits
    with `probability`, at most `count` times; `delay` is seconds before anything is sent.
    `environment_id` narrows it to questions with that filter, `min_page` and `min_size` to those
    for a `pageNumber` and with a `pageSize` of at least that; `name` is for taking it back.
    """

    kind: Kind
    route: str = "*"
    method: str = "*"
    environment_id: str = ""
    min_page: int = 0
    min_size: int = 0
    name: str = ""
    probability: float = 1.0
    count: int | None = None
    delay: float = 0.0
    status: int = 503
    retry_after: tuple[str, ...] = ()
    location: str = "http://elsewhere.example/v1"
    cut: Literal["header", "body"] = "body"
    megabytes: int = 100
    depth: int = 100_000

    def hits(self, call: Call) -> bool:
        return (
            fnmatchcase(call.path, self.route)
            and fnmatchcase(call.method, self.method)
            and self.environment_id in {"", call.query.get("environmentId")}
            and (not self.min_page or _number(call, "pageNumber", 1) >= self.min_page)
            and (not self.min_size or _number(call, "pageSize", 0) >= self.min_size)
        )

    @property
    def shown_status(self) -> int:
        """What the client sees as status, 0 if it never sees a complete answer."""
        if self.kind in {"hang", "disconnect"}:
            return 0
        if self.kind == "redirect":
            return self.status if self.status in _REDIRECTS else HTTPStatus.TEMPORARY_REDIRECT
        return self.status if self.kind == "status" else 200

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Fault":
        """WrongFault names the mistake. `retry_after` may be one text or a list of them."""
        unknown = set(values) - {one.name for one in fields(cls)}
        if unknown or values.get("kind") not in KINDS:
            wrong = sorted(unknown) or ["kind"]
            raise WrongFault(f"not understood: {', '.join(wrong)}")
        given = dict(values)
        after = given.get("retry_after", ())
        given["retry_after"] = (after,) if isinstance(after, str) else tuple(map(str, after))
        for name, kinds in _CHECKED.items():
            if name in given and not isinstance(given[name], kinds):
                raise WrongFault(f"{name} does not fit")
        return cls(**given)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


_CHECKED: dict[str, tuple[type, ...]] = {
    "route": (str,),
    "method": (str,),
    "environment_id": (str,),
    "min_page": (int,),
    "min_size": (int,),
    "name": (str,),
    "probability": (int, float),
    "count": (int, type(None)),
    "delay": (int, float),
    "status": (int,),
    "location": (str,),
    "megabytes": (int,),
    "depth": (int,),
}


@dataclass
class Faults:
    """Those switched on, in order; the first that hits is played."""

    dice: Random = field(default_factory=lambda: Random("faults"))
    _active: list[Fault] = field(default_factory=list)
    _left: list[int | None] = field(default_factory=list)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._active))

    def __len__(self) -> int:
        return len(self._active)

    def add(self, fault: Fault) -> None:
        self._active.append(fault)
        self._left.append(fault.count)

    def set(self, faults: Iterable[Fault]) -> None:
        self.clear()
        for fault in faults:
            self.add(fault)

    def clear(self) -> None:
        self._active.clear()
        self._left.clear()

    def remove(self, name: str) -> None:
        rest = [pair for pair in zip(self._active, self._left, strict=True) if pair[0].name != name]
        self._active = [fault for fault, _ in rest]
        self._left = [left for _, left in rest]

    def pick(self, call: Call) -> Fault | None:
        """The fault to play for this call; one with a count is used up by it."""
        for number, fault in enumerate(self._active):
            left = self._left[number]
            if left == 0 or not fault.hits(call):
                continue
            if fault.probability < 1 and self.dice.random() >= fault.probability:
                continue
            if left is not None:
                self._left[number] = left - 1
            return fault
        return None
