"""Where the client gets what proves to Flatfile who is asking (API notes, section 3.1)."""

from collections.abc import Callable
from typing import TypeAlias

from exporter.settings import ClientPair, Credential, PersonalToken

__all__ = ["ClientPair", "Credential", "PersonalToken", "SecretSource", "sendable"]

SecretSource: TypeAlias = Callable[[], Credential]
"""Gives the present credential, reading its files again if they changed. Cheap: it is called
often. Raises ConfigurationError if it cannot be read."""


def sendable(value: str) -> bool:
    """Whether a header can carry it: visible ASCII. httpx would quote others in its complaint."""
    return value.isascii() and value.isprintable() and " " not in value and value != ""
