"""The base URL of the API, from what people write (API notes, section 2)."""

import re

import httpx

from exporter.errors import ConfigurationError, Mistake

_HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def base_url(text: str) -> str:
    """With scheme (https if there is none) and ``/v1``, without a trailing slash.

    Raises ConfigurationError, without the value: it may hold a password.
    """
    text = text.strip()
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
    except (httpx.InvalidURL, ValueError):
        raise _mistake("is no URL") from None
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host):
        raise _mistake("needs http or https and a host")
    if url.userinfo:
        raise _mistake("must not hold a user or a password; credentials go to auth.*")
    if url.query or url.fragment:
        raise _mistake("must not have a query or a fragment")
    path = url.path.rstrip("/")
    return str(url.copy_with(path=path if path.endswith("/v1") else f"{path}/v1"))


def _mistake(what: str) -> ConfigurationError:
    return ConfigurationError(
        Mistake("api.url", "as given", f"{what}; write https://HOST/PATH, such as the default")
    )
