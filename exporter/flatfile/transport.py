"""The connections: how many, to whom they listen, and what every request carries."""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from exporter import __version__
from exporter.errors import ConfigurationError, Mistake, Unreachable
from exporter.flatfile.body import ENCODINGS

POOL = 1
"""Connections of one client. httpx's pool looks at each of them for each of them, at the start and
at the end of a request: 64 in one pool take 12 times as long as they should, and with 16 it is
more than half of all calls that a request makes. A client more costs 4 KB."""

_IDLE = 15.0  # seconds; shorter than the idle time-outs of common load balancers


class Connections:
    """As many clients as ``concurrency`` needs, the least busy one first."""

    def __init__(
        self,
        concurrency: int,
        timeout: float,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises ConfigurationError. ``timeout`` in seconds, for each step of a request."""
        # httpx logs whole URLs at INFO and httpcore headers at DEBUG: query strings and tokens.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        trust = _trust(ca_file) if transport is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        count = -(-max(1, concurrency) // POOL)
        self._clients = [_client(trust, timeout, transport) for _ in range(count)]
        self._busy = [0] * count
        self._closed = False

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._closed:
            raise Unreachable("the connections were closed by a reload; asked again later")
        which = self._busy.index(min(self._busy))
        self._busy[which] += 1
        try:
            yield self._clients[which]
        finally:
            self._busy[which] -= 1

    async def aclose(self) -> None:
        self._closed = True
        for client in self._clients:
            await client.aclose()


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


def _client(
    trust: ssl.SSLContext, timeout: float, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            verify=trust,
            transport=transport,
            timeout=httpx.Timeout(timeout),
            limits=httpx.Limits(
                max_connections=POOL, max_keepalive_connections=POOL, keepalive_expiry=_IDLE
            ),
            follow_redirects=False,
            trust_env=True,
            # No cookie is ever kept: nothing here is a session, and a jar can be filled.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": ENCODINGS,
                "User-Agent": f"flatfile-exporter/{__version__}",
                # Declared as required on every operation (API notes, section 2).
                "X-Disable-Hooks": "true",
            },
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
