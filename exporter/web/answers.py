"""An answer, and how it is sent: in pieces, and without the body for HEAD."""

import asyncio
from dataclasses import dataclass, field

from exporter.web.asgi import Send

Headers = tuple[tuple[str, str], ...]

_TURN = 4  # chunks
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``chunks`` are sent one by one: the server waits between them for those who read slowly."""

    status: int = 200
    content_type: str = _PLAIN
    chunks: tuple[bytes, ...] = ()
    headers: Headers = field(default=())


def plain(message: str, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(status=status, chunks=(f"{message}\n".encode(),), headers=headers)


async def reply(answer: Answer, send: Send, *, body: bool) -> None:
    headers = (
        ("content-type", answer.content_type),
        ("content-length", str(sum(map(len, answer.chunks)))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *answer.headers,
    )
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    for number, chunk in enumerate(answer.chunks if body else (), 1):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if not number % _TURN:
            await asyncio.sleep(0)  # a reader that keeps up never has us wait: others do
    await send({"type": "http.response.body", "body": b"", "more_body": False})
