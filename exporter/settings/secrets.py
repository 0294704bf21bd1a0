"""The credential as it is now, wherever it comes from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from exporter.settings.secretfiles import FileSecret
from exporter.settings.sections import Auth

SecretSource = Callable[[], str]
"""Returns the present value. One that reads a file raises ConfigurationError if it cannot."""


@dataclass(frozen=True)
class ClientPair:
    """Client id and secret, to be exchanged for an access token."""

    client_id: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True)
class PersonalToken:
    """A token that is used as it is."""

    value: str = field(repr=False)


Credential = ClientPair | PersonalToken


def credential_source(auth: Auth) -> Callable[[], Credential | None]:
    """Return a function that gives the credential as it is at the time of the call.

    It returns None if none is configured. It raises ConfigurationError if a file has become
    unusable; the files are read again only when they have changed.
    """
    client_id = secret_source("auth.client-id-file", auth.client_id, auth.client_id_file)
    secret = secret_source("auth.client-secret-file", auth.client_secret, auth.client_secret_file)
    token = secret_source("auth.token-file", auth.token, auth.token_file)

    def present() -> Credential | None:
        if token:
            return PersonalToken(token())
        if client_id and secret:
            return ClientPair(client_id(), secret())
        return None

    return present


def secret_source(
    setting: str, value: str | SecretStr | None, path: Path | None
) -> SecretSource | None:
    """A function that gives the secret as it is at the time of the call; None if there is none.

    ``setting`` names the file for messages.
    """
    if path is not None:
        return FileSecret(setting, path)
    if value is None:
        return None
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return lambda: text
