"""What the daemon's own server answers, without a socket."""

from typing import Any

from exporter.app.daemon import Daemon


async def get(daemon: Daemon, path: str) -> tuple[int, bytes]:
    """Status and body."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await daemon.server._app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])
