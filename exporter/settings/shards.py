"""Which part of the account a process looks at, where several share one.

An environment belongs to the shard whose number is the SHA-256 of its id (UTF-8), taken as a big
number by its first eight bytes, modulo the count of shards. That is the same on every machine, in
every version and whatever else the account holds, so that a new environment moves no other.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from exporter.settings.kinds import Kind, one_text, quoted

_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_BYTES = 8


@lru_cache(maxsize=100_000)
def number(environment_id: str) -> int:
    """The number by which an environment is given to a shard. Never to change: see the module."""
    return int.from_bytes(
        sha256(environment_id.encode(errors="surrogatepass")).digest()[:_BYTES], "big"
    )


@dataclass(frozen=True, slots=True)
class Shard:
    """``index`` counts from 0, ``count`` is how many there are."""

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one also speaks for what belongs to no environment."""
        return self.index == 0

    def owns(self, environment_id: str) -> bool:
        """Whether the environment is this shard's. What names none is the first one's."""
        if not environment_id:
            return self.first
        return self.count == 1 or number(environment_id) % self.count == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True)
class Part(Kind):
    """A shard, written ``index/count``."""

    @property
    def metavar(self) -> str:
        return "I/N"

    @property
    def form(self) -> str:
        return (
            "a shard such as 0/3, the first of three; it counts from 0 to one less than there are"
        )

    def read(self, raw: object) -> Shard:
        found = _WRITTEN.fullmatch(one_text(raw))
        shard = Shard(int(found[1]), int(found[2])) if found else None
        if shard is None or not shard.index < shard.count:
            raise ValueError(f"{quoted(raw)} is not {self.form}")
        return shard

    def show(self, value: Any) -> str:
        return str(value)
