"""From what can go wrong on the wire to a leaf of the error tree.

Nothing of what the peer wrote goes into a message: it may repeat a secret or an address.
"""

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

import httpx

from exporter import errors

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


_KNOWN: dict[int, tuple[type[errors.RoundError], str]] = {
    401: (errors.Unauthorized, "the token is not accepted"),
    403: (errors.Forbidden, "the credential may not ask for this; use one of an administrator"),
    404: (errors.NotFound, "it is gone, or api.url is not Flatfile's API"),
    408: (errors.TimedOut, "the server gave up waiting; asked again later"),
    410: (errors.NotFound, "it is gone for good, or api.url is not Flatfile's API"),
    429: (
        errors.Throttled,
        "too many requests; lower api.requests-per-second if this happens often",
    ),
}

_BY_HUNDRED: dict[int, tuple[type[errors.RoundError], str]] = {
    4: (
        errors.BadRequest,
        "the API does not take this request; if that stays, its contract has changed: report it",
    ),
    5: (errors.ServerFailed, "the server failed; asked again later"),
}

_STRANGE = (errors.Malformed, "a status that the API has no use for; check api.url")


def of_status(where: str, status: int, *, told_to_wait: bool) -> errors.RoundError:
    """The error for a status that is no success. ``where`` is method and route."""
    if status == httpx.codes.SERVICE_UNAVAILABLE and told_to_wait:
        return errors.Throttled(f"{where} answered {status}: it asks for a pause, and gets it")
    kind, text = _KNOWN.get(status) or _BY_HUNDRED.get(status // 100, _STRANGE)
    return kind(f"{where} answered {status}: {text}")


def redirected(where: str, status: int, asked: httpx.URL, location: str) -> errors.Redirected:
    """Names the other host, if it is another one. The rest of the address may hold anything."""
    try:
        host = asked.join(location).host
    except (httpx.InvalidURL, ValueError):
        host = ""
    to = f" to {host}" if host != asked.host and _HOST.fullmatch(host) else ""
    return errors.Redirected(
        f"{where} answered {status}, a redirect{to}, which is not followed because it would carry"
        " the token elsewhere; set api.url to the API itself"
    )


def of_exception(where: str, host: str, error: Exception) -> errors.RoundError:
    """The error for what httpx, ssl or the system raised while asking ``host``.

    ``host`` has the port where it is not the usual one.
    """
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return timed_out(where, host)
    if isinstance(error, httpx.ProxyError):
        return errors.Unreachable(
            f"{where}: the proxy on the way to {host} refused; check HTTPS_PROXY and NO_PROXY"
        )
    return errors.Unreachable(f"{where}: no answer from {host}: {_why(error)}")


def timed_out(where: str, host: str) -> errors.TimedOut:
    return errors.TimedOut(
        f"{where}: no whole answer from {host} in time; raise api.timeout if it is only slow"
    )


def _why(error: BaseException) -> str:
    """The innermost known cause, in our words or in those of the system."""
    for link in _chain(error):
        match link:
            case ssl.SSLCertVerificationError():
                return (
                    "its certificate is not trusted; if a private authority signed it, name that"
                    " in api.ca-file"
                )
            case ssl.SSLError():
                return "TLS failed; check scheme and port of api.url"
            case socket.gaierror():
                return "its name cannot be resolved; check api.url and the name server"
            case OSError(errno=errno.EMFILE | errno.ENFILE as number):
                return f"{os.strerror(number).lower()}; allow this process more of them"
            case OSError(errno=int(number)):
                return f"{os.strerror(number).lower()}; check api.url and the network"
            case _:
                continue
    return "the connection was cut off before the answer was complete"


_CAUSES = 20  # looked at: a loop of causes must not be one of ours


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes; several at once where several addresses were tried."""
    seen = 0
    pending = [error]
    while pending and seen < _CAUSES:
        link = pending.pop(0)
        if link is None:
            continue
        seen += 1
        yield link
        if isinstance(link, BaseExceptionGroup):
            pending.extend(link.exceptions)
        pending += [link.__cause__, link.__context__]
