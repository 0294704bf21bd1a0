"""What authenticates a request to a sink: asked for anew each time, as a secret file may change."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

Headers = Callable[[], Mapping[str, str]]
"""What authenticates a request, as it is now. May raise ConfigurationError."""


def nothing() -> Mapping[str, str]:
    """No authentication."""
    return {}


def basic(username: str, password: Callable[[], str]) -> Headers:
    """RFC 7617."""

    def headers() -> Mapping[str, str]:
        pair = b64encode(f"{username}:{password()}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    return headers


def bearer(token: Callable[[], str]) -> Headers:
    """RFC 6750."""
    return lambda: {"Authorization": f"Bearer {token()}"}


def listed(text: Callable[[], str]) -> Headers:
    """Headers written ``name=value,name=value``, values percent-encoded.

    As ``OTEL_EXPORTER_OTLP_HEADERS`` has them (OpenTelemetry specification, "OTLP exporter").
    """
    return lambda: dict(_pairs(text()))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for member in text.split(","):
        name, _, value = member.partition("=")
        if name.strip():
            yield name.strip(), unquote(value.strip())
