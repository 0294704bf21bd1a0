"""One request, ready to be sent by whichever way there is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import httpx

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``base`` says where to, ``target`` is path and query. Cheap: there is one a request.

    httpx's own takes a third of the processor time of a request to be made.
    """

    method: str
    base: httpx.URL
    target: bytes
    headers: Headers = field(repr=False)
    content: bytes = field(default=b"", repr=False)

    def request(self) -> httpx.Request:
        return httpx.Request(
            self.method,
            self.base.copy_with(raw_path=self.target),
            headers=list(self.headers),
            content=self.content or None,
        )
