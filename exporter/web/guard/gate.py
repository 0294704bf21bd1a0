"""What stands before the application: the rate limit, the headers, the passwords, in this order.

Like the toolkit's, it covers every path: health and reload too.
"""

import asyncio
import base64
import binascii

from exporter.web.answers import plain, reply
from exporter.web.asgi import Application, Message, Receive, Scope, Send
from exporter.web.guard.guard import Guard
from exporter.web.guard.passwords import Overloaded, Passwords
from exporter.web.guard.protection import Protection
from exporter.web.guard.rate import Bucket

_SCHEME = b"basic "
_CHALLENGE = ("www-authenticate", "Basic")


class Gate:
    """An application before an application."""

    def __init__(self, app: Application, guard: Guard) -> None:
        self._app = app
        self._guard = guard
        self._passwords = Passwords()
        self._bucket: Bucket | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        protection = await self._guard.current()
        body = scope["method"] != "HEAD"
        if not self._in_time(protection):
            await reply(plain("Too many requests.", 429), send, body=body)
            return
        outward = _with(protection.headers, send) if protection.headers else send
        try:
            admitted = not protection.users or await self._admit(protection, scope)
        except Overloaded:
            busy = plain("Too many passwords are being checked; try again.", 503)
            await reply(busy, outward, body=body)
            return
        if admitted:
            await self._app(scope, receive, outward)
        else:
            await reply(plain("Unauthorized.", 401, _CHALLENGE), outward, body=body)

    def _in_time(self, protection: Protection) -> bool:
        limit, now = protection.rate_limit, asyncio.get_running_loop().time()
        if limit is None:
            self._bucket = None
            return True
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit, now)
        return self._bucket.take(now)

    async def _admit(self, protection: Protection, scope: Scope) -> bool:
        offered = _credential(scope)
        if offered is None:
            return False
        return await self._passwords.match(protection.users, *offered)


def _credential(scope: Scope) -> tuple[bytes, bytes] | None:
    """User and password (RFC 7617) of the first Authorization header; None if it has none."""
    value = next((v for name, v in scope["headers"] if name.lower() == b"authorization"), b"")
    if value[: len(_SCHEME)].lower() != _SCHEME:
        return None
    try:
        decoded = base64.b64decode(value[len(_SCHEME) :], validate=True)
    except binascii.Error:
        return None
    user, colon, password = decoded.partition(b":")
    return (user, password) if colon else None


def _with(headers: tuple[tuple[bytes, bytes], ...], send: Send) -> Send:
    """They take the place of the application's own of the same name."""
    names = {name for name, _ in headers}

    async def outward(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(n, v) for n, v in message["headers"] if n.lower() not in names]
            message = {**message, "headers": [*own, *headers]}
        await send(message)

    return outward
