"""HTTP for sinks: one place to post to, and what its answers mean at the least.

Nothing of what the peer wrote goes into a message: it may repeat a secret or a record.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from exporter.audit.sinks.credentials import Headers
from exporter.errors import (
    ConfigurationError,
    DeliveryFailed,
    SinkRefused,
    SinkUnavailable,
)
from exporter.flatfile.clients import new_client, trusted
from exporter.flatfile.retry_after import retry_after

_READ = 64 * 1024  # bytes of an answer that are looked at
_CONNECTIONS = 2

_OPERATOR = {
    401: "does not accept the credential; check {setting}.*",
    403: "does not allow this with the credential; check {setting}.*",
    404: "has nothing there; check {setting}.url",
    405: "takes nothing there; check {setting}.url",
    407: "was not reached: the proxy wants a credential; check HTTPS_PROXY",
    410: "has nothing there any more; check {setting}.url",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``retry_after`` is seconds, if it asked for a pause; ``body`` may be cut off."""

    status: int
    kind: str
    retry_after: float | None
    body: bytes = field(repr=False)


class Post:
    """Posts to one URL, through the usual proxies, never along a redirect."""

    def __init__(
        self,
        peer: str,
        setting: str,
        url: str,
        *,
        headers: Headers,
        timeout: float,
        wall: Callable[[], float],
        ca_file: Path | None = None,
    ) -> None:
        """``peer`` and ``setting`` are for messages; ``timeout`` is seconds for a whole request.

        Raises ConfigurationError for proxies or authorities that cannot be used.
        """
        self._peer = peer
        self._setting = setting
        self._url = url
        self._headers = headers
        self._timeout = timeout
        self._wall = wall
        if url.startswith("https:"):
            trust = trusted(f"{setting}.ca-file", ca_file)
        else:
            trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # for nothing; a full one takes 50 ms
        self._client = new_client(
            trust, timeout, connections=_CONNECTIONS, headers={"Accept-Encoding": "identity"}
        )

    async def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises SinkUnavailable if there is no answer, SinkRefused if an operator has to act."""
        try:
            own = self._headers()
        except ConfigurationError as error:
            raise SinkRefused(str(error)) from None
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(
                    "POST", self._url, content=body, headers={**headers, **own}
                ) as response,
            ):
                answer = Answer(
                    response.status_code,
                    response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                    retry_after(
                        response.headers.get_list("retry-after"),
                        self._wall(),
                        response.headers.get("date", ""),
                    ),
                    await _read(response),
                )
        # `from None`: an exception of httpx holds the request, and that holds the credential.
        except (httpx.LocalProtocolError, UnicodeError):
            raise SinkRefused(
                f"the credential for {self._peer} cannot be sent as a header; check"
                f" {self._setting}.*"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise self._unreachable(error) from None
        self._judge(answer.status)
        return answer

    async def aclose(self) -> None:
        await self._client.aclose()

    def _judge(self, status: int) -> None:
        words = _OPERATOR.get(status)
        if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, section 15.4
            words = "redirects, which would carry the records elsewhere; correct {setting}.url"
        if words:
            text = words.format(setting=self._setting)
            raise SinkRefused(f"{self._peer} answered {status}: it {text}")

    def _unreachable(self, error: Exception) -> DeliveryFailed:
        match _cause(error):
            case ssl.SSLCertVerificationError():
                return SinkRefused(
                    f"the certificate of {self._peer} is not trusted; name its authority in"
                    f" {self._setting}.ca-file"
                )
            case socket.gaierror():
                why = "its name cannot be resolved"
            case OSError(errno=int(number)) if number > 0:
                why = os.strerror(number).lower()
            case _ if isinstance(error, httpx.TimeoutException | TimeoutError):
                why = "no whole answer in time"
            case _ if isinstance(error, httpx.ProxyError):
                why = "the proxy refused"
            case _:
                why = "the connection was cut off before the answer was complete"
        return SinkUnavailable(f"no answer from {self._peer}: {why}")


def unavailable(peer: str, answer: Answer) -> SinkUnavailable:
    """For a status that says: later."""
    said = f"{peer} answered {answer.status}"
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        return SinkUnavailable(f"{said}: too much at once; tried again", answer.retry_after)
    return SinkUnavailable(f"{said}: it cannot right now; tried again", answer.retry_after)


async def _read(response: httpx.Response) -> bytes:
    """Not decompressed: no encoding was asked for."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _READ:
            break
    return body[:_READ]


def _cause(error: Exception) -> BaseException:
    """The innermost that the system or ssl raised, else the error itself."""
    found: BaseException = error
    link: BaseException | None = error
    for _ in range(20):  # a loop of causes must not be one of ours
        if link is None:
            break
        if isinstance(link, BaseExceptionGroup):
            link = link.exceptions[0]
        if isinstance(link, OSError):
            found = link
        link = link.__cause__ or link.__context__
    return found
