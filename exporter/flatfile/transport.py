"""The connections: how many, by which way, and whom they trust."""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Protocol
from urllib.request import getproxies

import httpx

from exporter.errors import ConfigurationError, Mistake, Unreachable
from exporter.flatfile.connection import IDLE, Connection
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
    ) -> None:
        """Raises ConfigurationError. ``timeout`` in seconds, for a step of httpx's."""
        # httpx logs whole URLs at INFO and httpcore headers at DEBUG: query strings and tokens.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        places = range(max(1, concurrency))
        if transport is not None:
            self._all: tuple[Way, ...] = tuple(Given(transport) for _ in places)
        else:
            trust = _trust(ca_file)
            proxies = _proxies()
            self._all = tuple(
                Proxied(trust, timeout) if proxies else Connection(trust) for _ in places
            )
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


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """SSL_CERT_FILE or certifi's authorities, the system's, and those of ``ca_file``.

    Built once: a context takes 50 ms and some MiB.
    """
    try:
        trust = httpx.create_ssl_context()
    except OSError:
        raise ConfigurationError(
            Mistake(
                "SSL_CERT_FILE",
                "environment variable SSL_CERT_FILE",
                "cannot be read as certificates in PEM form; correct or unset it",
            )
        ) from None
    trust.load_default_certs()
    trust.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            trust.load_verify_locations(cafile=ca_file)
        except OSError:  # ssl.SSLError, for what is no PEM, is one too
            raise ConfigurationError(
                Mistake(
                    "api.ca-file",
                    f"file {ca_file}",
                    "cannot be read as certificates in PEM form; name a readable PEM file",
                )
            ) from None
    return trust


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
        try:
            self._client = httpx.AsyncClient(
                verify=trust,
                timeout=httpx.Timeout(timeout),
                # httpx's pool looks at each connection for each of them, at the start and at the
                # end of a request: 64 in one pool take 12 times as long as they should.
                limits=httpx.Limits(
                    max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE
                ),
                follow_redirects=False,
                trust_env=True,
                # No cookie is ever kept: nothing here is a session, and a jar can be filled.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            )
        except (ValueError, ImportError, httpx.InvalidURL):
            # ImportError: a SOCKS proxy needs a package that we do not bring.
            raise ConfigurationError(
                Mistake(
                    "HTTPS_PROXY",
                    "environment variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
                    "one of them is not the address of an HTTP proxy; write http://HOST:PORT",
                )
            ) from None

    async def ask(self, question: Question) -> httpx.Response:
        return await self._client.send(question.request(), stream=True)

    async def aclose(self) -> None:
        await self._client.aclose()


def _proxies() -> bool:
    """Whether the environment names any; for which addresses is for httpx to say."""
    named = getproxies()
    return any(named.get(scheme) for scheme in ("http", "https", "all"))
