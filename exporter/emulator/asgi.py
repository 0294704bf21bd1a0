"""The little of ASGI that is needed, and sending an answer over it."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from exporter.emulator.calls import Answer, Call

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Nobody has anything longer to say to the emulator.
_BODY_LIMIT = 4 * 1024 * 1024


async def read(scope: Scope, receive: Receive) -> Call:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > _BODY_LIMIT:
            break
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), True))
    return Call(scope["method"], scope["path"], query, headers, body)


def encoded(answer: Answer) -> bytes:
    if answer.raw is not None:
        return answer.raw
    try:
        return json.dumps(answer.document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a character, which JSON can say only as an escape
        return json.dumps(answer.document, separators=(",", ":")).encode()


async def start(
    send: Send, answer: Answer, *, length: int | None, status: int | None = None
) -> None:
    """The header. Without a length the body is chunked."""
    headers = [("content-type", answer.media), *answer.headers]
    if length is not None:
        headers.append(("content-length", str(length)))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status if status is None else status,
            "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers],
        }
    )


async def body(send: Send, chunk: bytes, *, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def reply(send: Send, answer: Answer) -> None:
    content = encoded(answer)
    await start(send, answer, length=len(content))
    await body(send, content)


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
