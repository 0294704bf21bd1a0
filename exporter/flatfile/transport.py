"""The connections: how many, by which way, and whom they trust."""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.request import getproxies

import httpx

from exporter.errors import Unreachable
from exporter.flatfile.clients import new_client, trusted
from exporter.flatfile.connection import Connection
from exporter.flatfile.question import Question


class Way(Protocol):
    """To the API and back, for one question at a time."""

    async def ask(self, question: Question) -> httpx.Response:
        """The head of the answer; close it when done. Raises OSError or httpx.HTTPError."""

    async def aclose(self) -> None: ...


class Connections:
    """As many as ``concurrency``, and whoever asks takes a free one."""

    def __init__(
        self,
        concurrency: int,
        timeout: float,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        secure: bool = True,
    ) -> None:
        """Raises ConfigurationError. ``timeout`` in seconds, for a step of httpx's.

        ``secure`` unless only addresses that begin with http: are asked. Without TLS, nor a proxy
        that may speak it, no certificates are read: they take some MiB.
        """
        # httpx logs whole URLs at INFO and httpcore headers at DEBUG: query strings and tokens.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        proxied = _proxied()
        trust: ssl.SSLContext | None = None
        if transport is None and (secure or proxied or ca_file is not None):
            trust = trusted("api.ca-file", ca_file)
            trust.set_alpn_protocols(["http/1.1"])

        def way() -> Way:
            if transport is not None:
                return Given(transport)
            return Proxied(trust, timeout) if trust and proxied else Connection(trust)

        self._all = tuple(way() for _ in range(max(1, concurrency)))
        self._free = list(self._all)
        self._closed = False

    @contextmanager
    def taken(self) -> Iterator[Way]:
        if self._closed:
            raise Unreachable("the connections were closed by a reload; asked again later")
        connection = self._free.pop()
        try:
            yield connection
        finally:
            self._free.append(connection)  # the one used last is the next: the others may end

    async def aclose(self) -> None:
        self._closed = True
        for connection in self._all:
            await connection.aclose()


class Given:
    """By a transport that somebody brought: a test, with an account of its own."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def ask(self, question: Question) -> httpx.Response:
        return await self._transport.handle_async_request(question.request())

    async def aclose(self) -> None:
        await self._transport.aclose()


class Proxied:
    """By httpx, through the proxy that the environment names for the address, if it names one."""

    def __init__(self, trust: ssl.SSLContext, timeout: float) -> None:
        """Raises ConfigurationError."""
        # A client for each: httpx's pool looks at each connection for each of them, at the start
        # and at the end of a request. 64 in one pool take 12 times as long as they should.
        self._client = new_client(trust, timeout, connections=1, headers={})

    async def ask(self, question: Question) -> httpx.Response:
        return await self._client.send(question.request(), stream=True)

    async def aclose(self) -> None:
        await self._client.aclose()


def _proxied() -> bool:
    """Whether the environment names any; for which addresses is for httpx to say."""
    named = getproxies()
    return any(named.get(scheme) for scheme in ("http", "https", "all"))
