"""What the tests of this room set up: addresses, a status, an application that answers bytes."""

from dataclasses import dataclass, field

from exporter.web.asgi import Receive, Scope, Send
from exporter.web.status import ApiStatus, Status, TokenStatus

NOW = 1_800_000_000.0


@dataclass(frozen=True)
class Place:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass
class Big:
    """Answers any request with ``chunks``; counts the pieces that the server took from it."""

    chunks: tuple[bytes, ...]
    taken: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(map(len, self.chunks))

    async def __call__(self, scope: Scope, _: Receive, send: Send, /) -> None:
        assert scope["type"] == "http"
        mine = len(self.taken)
        self.taken.append(0)
        headers = [(b"content-length", str(self.length).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self.taken[mine] += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def a_status(**changes: object) -> Status:
    plain: dict[str, object] = {
        "now": NOW,
        "started": NOW - 3_725,
        "version": "1.2.3",
        "revision": "0123abc",
        "python": "3.11.9",
        "token": TokenStatus(kind="client id and secret", valid=True, expires=NOW + 7_200),
        "api": ApiStatus(host="platform.flatfile.com", budget=10.0, requests=1234, retries=2),
    }
    return Status(**(plain | changes))  # type: ignore[arg-type] # checked by the dataclass's users
