"""What the tests of this room set up: addresses, a status, an application that answers bytes."""

import asyncio
from dataclasses import dataclass, field

from exporter.board import Board, Reading, Record, Snapshot
from exporter.exposition import Exposition
from exporter.families import Kind, Measured
from exporter.web.app import App, Parts
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


async def no_mistake() -> tuple[str, ...]:
    """A reload that went well."""
    return ()


def many(series: int) -> Measured:
    """A family of so many."""
    return Measured(
        name="flatfile_x",
        help="X.",
        kind=Kind.GAUGE,
        labels=("environment_id",),
        samples=tuple(((f"us_env_{n:08d}",), float(n)) for n in range(series)),
    )


def showing(family: Measured) -> App:
    """Our own application, and a board with what one collector saw. Build it with a loop running."""
    now = asyncio.get_running_loop().time
    board = Board()
    reading = Reading(at=now(), data=None, whole=(family,), shown=(family,))
    board.snapshot = Snapshot(
        records={"agents": Record(interval=60, retain=600)}, readings={"agents": reading}
    )
    exposition = Exposition(board, tuple, now)
    return App(Parts(board=board, exposition=exposition, status=a_status, reload=no_mistake))


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
