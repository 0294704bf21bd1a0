"""The types of an ASGI application (asgi.readthedocs.io, HTTP)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Application(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None: ...
