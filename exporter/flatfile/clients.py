"""HTTP clients: whom all of ours trust, along which proxies they go, and that they keep nothing."""

import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from exporter import __version__
from exporter.errors import ConfigurationError, Mistake

IDLE = 15.0
"""Seconds until a connection is not used again; less than the idle time-outs of common load
balancers."""


def trusted(setting: str, ca_file: Path | None) -> ssl.SSLContext:
    """SSL_CERT_FILE or certifi's authorities, the system's, and those of ``ca_file``.

    ``setting`` names the file in a message. Raises ConfigurationError. Build it once: a context
    takes 50 ms and some MiB.
    """
    try:
        trust = httpx.create_ssl_context()
    except OSError:
        raise _no_pem(
            "SSL_CERT_FILE", "environment variable SSL_CERT_FILE", "correct or unset it"
        ) from None
    trust.load_default_certs()
    if ca_file is not None:
        try:
            trust.load_verify_locations(cafile=ca_file)
        except OSError:  # ssl.SSLError, for what is no PEM, is one too
            raise _no_pem(setting, f"file {ca_file}", "name a readable PEM file") from None
    return trust


def new_client(
    trust: ssl.SSLContext,
    timeout: float,
    *,
    connections: int,
    headers: Mapping[str, str],
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """One that follows no redirect. ``timeout`` is seconds, for each step of a request.

    Raises ConfigurationError for proxies that cannot be used.
    """
    try:
        return httpx.AsyncClient(
            verify=trust,
            transport=transport,
            timeout=httpx.Timeout(timeout),
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=IDLE,
            ),
            follow_redirects=False,
            trust_env=True,
            # No cookie is ever kept: nothing here is a session, and a jar can be filled.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"User-Agent": f"flatfile-exporter/{__version__}", **headers},
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


def _no_pem(setting: str, origin: str, advice: str) -> ConfigurationError:
    problem = f"cannot be read as certificates in PEM form; {advice}"
    return ConfigurationError(Mistake(setting, origin, problem))
