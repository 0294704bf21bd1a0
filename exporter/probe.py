"""``python -m exporter.probe``: does the daemon beside it answer? For images and orchestrators.

It reads the configuration that the daemon reads, asks the daemon's own health endpoint on
loopback, and ends with 0 if it is well, 1 if it is not, 2 if the configuration is wrong. A module
of its own and not a command of ``flatfile-exporter``: it runs every half minute, and without the
daemon's imports it takes a third of the time.
"""

import argparse
import os
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from exporter.errors import ConfigurationError, Mistake
from exporter.settings import Settings, add_flags, asks_for_help, from_namespace, resolve, unknown
from exporter.web.guard.document import parse
from exporter.web.guard.names import CLIENT_AUTH

_PATIENCE = 4.0
"""Seconds to wait for each step. Below the 5 that the image gives its health check."""

_BEFORE_IT = frozenset({401, 429})
"""Answers of the web configuration, which stands before the endpoint: no password, too many
requests. Who gives one is alive, and more cannot be known."""

_HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound

_UNWELL, _MISCONFIGURED = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a daemon answers; ``guarded``: only those who show a certificate."""

    host: str
    port: int
    tls: bool = False
    guarded: bool = False

    @classmethod
    def of_url(cls, url: str) -> "Place":
        """Raises ValueError, with a message for whoever typed it."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url[:60]!r} is not a URL; write one such as http://host:10042")
        tls = parts.scheme == "https"
        return cls(host=parts.hostname, port=parts.port or (443 if tls else 80), tls=tls)

    @classmethod
    def of_settings(cls, settings: Settings) -> "Place":
        """The first of the addresses that the daemon listens on, from this machine.

        Raises ConfigurationError where nobody but the daemon knows the address.
        """
        web = settings.web
        address = web.listen_address[0]
        if web.systemd_socket or not address.port:
            name = "web.systemd-socket" if web.systemd_socket else "web.listen-address"
            message = "leaves the port to the system; name one, or give the probe --url"
            raise ConfigurationError(Mistake(name, str(address), message))
        host = _HERE.get(address.host, address.host)
        tls, guarded = _tls(web.config_file)
        return cls(host=host, port=address.port, tls=tls, guarded=guarded)


def _tls(file: Path | None) -> tuple[bool, bool]:
    """Whether the web configuration has the daemon speak TLS, and insist on certificates."""
    if file is None:
        return False, False
    mistakes: list[Mistake] = []
    document = parse(file.read_bytes(), file, mistakes)
    if mistakes:
        raise ConfigurationError(*mistakes)
    if document.tls is None:
        return False, False
    policy = document.tls.texts.get("client_auth_type")
    return True, policy is not None and CLIENT_AUTH.get(policy.text) is ssl.CERT_REQUIRED


def ask(place: Place, path: str, patience: float = _PATIENCE) -> str:
    """What is wrong with the daemon there; nothing if it is well. ``patience`` in seconds."""
    where = f"{'https' if place.tls else 'http'}://{place.host}:{place.port}{path}"
    with closing(_connection(place, patience)) as connection:
        try:
            connection.connect()
            if place.guarded:
                # Further than this nobody comes without a certificate, and an event loop that
                # did not turn would not have come this far.
                return ""
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            said = answer.read(1024)
        except ssl.SSLError as error:
            if place.guarded and "ALERT" in (error.reason or ""):  # TLS 1.2 says so at once
                return ""
            return f"{where} does not speak TLS with us: {error.reason}"
        except (OSError, HTTPException) as error:
            # What an HTTPException says may be of the other's making; no line of that is ours.
            why = (error.strerror or str(error)) if isinstance(error, OSError) else ""
            return f"{where} does not answer: {why or type(error).__name__}"
    if answer.status in _BEFORE_IT or answer.status < 300:  # noqa: PLR2004 - every success
        return ""
    return f"{where} answers {answer.status}: {' '.join(said.decode(errors='replace').split())}"


def _connection(place: Place, patience: float) -> HTTPConnection:
    if not place.tls:
        return HTTPConnection(place.host, place.port, timeout=patience)
    # The daemon's certificate names the host that Prometheus knows, not loopback; and nothing
    # that is sent here is a secret.
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(place.host, place.port, timeout=patience, context=trust)


def main(
    argv: Sequence[str], environ: Mapping[str, str], say: Callable[[str], object] = sys.stderr.write
) -> int:
    """Ask once; its exit code. ``say`` gets the reason, a line."""
    parser = argparse.ArgumentParser(prog="python -m exporter.probe", description=__doc__)
    parser.add_argument("--ready", action="store_true", help="ask /-/ready instead of /-/healthy")
    parser.add_argument("--url", metavar="URL", help="ask this daemon, whatever is configured")
    add_flags(parser, described=asks_for_help(argv))
    chosen, rest = parser.parse_known_args(argv)
    try:
        if chosen.url is None:
            loaded = resolve(from_namespace(chosen), environ, unknown(rest))
            place = Place.of_settings(loaded.settings)
        else:
            place = Place.of_url(chosen.url)
    except ConfigurationError as error:
        for mistake in error.mistakes:
            say(f"flatfile-exporter: {mistake}\n")
        return _MISCONFIGURED
    except ValueError as error:
        say(f"flatfile-exporter: --url: {error}\n")
        return _MISCONFIGURED
    wrong = ask(place, "/-/ready" if chosen.ready else "/-/healthy")
    if wrong:
        say(f"flatfile-exporter: {wrong}\n")
        return _UNWELL
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
