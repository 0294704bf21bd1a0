"""One request, once: within the budget, within its time, counted, and with one kind of failure."""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlencode

import httpx

from exporter import __version__
from exporter.errors import RoundError, TimedOut
from exporter.flatfile import failure
from exporter.flatfile.body import ENCODINGS, read
from exporter.flatfile.budget import Budget
from exporter.flatfile.governor import Sign
from exporter.flatfile.question import Headers, Question
from exporter.flatfile.retry_after import retry_after
from exporter.flatfile.routes import AUTH, Place, Route
from exporter.flatfile.transport import Connections
from exporter.flatfile.usage import Usage

Params: TypeAlias = Mapping[str, str | int | bool]
Target: TypeAlias = Route | Place

UNSAID = 1.0
"""Seconds of pause after a 429 that does not say how long."""

_UNAUTHORIZED, _THROTTLED, _FAILED = 401, 429, 500
_SIGNS = {
    429: Sign.THROTTLED,
    503: Sign.UNAVAILABLE,
    408: Sign.TIMED_OUT,
    504: Sign.TIMED_OUT,
}
_HEADERS = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", ENCODINGS.encode()),
    (b"User-Agent", f"flatfile-exporter/{__version__}".encode()),
    # Declared as required on every operation (API notes, section 2).
    (b"X-Disable-Hooks", b"true"),
)
_TRUTH = {True: "true", False: "false"}
_PART = 206  # of an answer, though nobody asked for a part
_SUCCESSES = frozenset(range(200, 300)) - {_PART}
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """``problem`` is None for a success; then ``body`` is whole."""

    status: int
    body: bytes = field(repr=False)
    problem: RoundError | None


class Wire:
    """Speaks HTTP; knows nothing of tokens, pages or trying again."""

    def __init__(
        self,
        base: str,
        connections: Connections,
        budget: Budget,
        usage: Usage,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        """``timeout`` (seconds) is for a whole request, without its wait for the budget.

        A time-out for each step alone lets a server drip one byte at a time for ever.
        ``clock`` gives Unix seconds.
        """
        self.base = base
        self.usage = usage
        self._url = httpx.URL(base)
        self._path = self._url.raw_path
        self._token = ""
        self._headers: Headers = self._with()
        self._host = self._url.netloc.decode("ascii")
        self._connections = connections
        self._budget = budget
        self._timeout = timeout
        self._clock = clock

    async def get(self, target: Target, params: Params, token: str) -> Answer:
        if token != self._token:
            self._headers = self._with((b"Authorization", f"Bearer {token}".encode("ascii")))
            self._token = token
        question = self._question("GET", target.path, params, self._headers)
        return await self._send(question, target.template)

    async def post(self, path: str, document: Mapping[str, str]) -> Answer:
        content = json.dumps(document).encode()
        headers = self._with(
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(content)).encode()),
        )
        return await self._send(self._question("POST", path, {}, headers, content), path)

    def _with(self, *more: tuple[bytes, bytes]) -> Headers:
        return ((b"Host", self._url.netloc), *_HEADERS, *more)

    def _question(
        self, method: str, path: str, params: Params, headers: Headers, content: bytes = b""
    ) -> Question:
        said = {
            name: _TRUTH[value] if isinstance(value, bool) else value
            for name, value in params.items()
        }
        query = f"?{urlencode(said)}" if said else ""
        return Question(
            method=method,
            base=self._url,
            target=self._path + f"{path}{query}".encode("ascii"),
            headers=headers,
            content=content,
        )

    async def _send(self, question: Question, template: str) -> Answer:
        """Any status is an answer. Raises a leaf of Again, Malformed or TooLarge if there is none."""
        method = question.method
        where = f"{method} {template}"
        loop = asyncio.get_running_loop()
        login = template == AUTH
        slot = self._budget.login_slot() if login else self._budget.slot()
        code = "error"
        async with slot:
            with self._connections.taken() as way:
                began, number = loop.time(), self.usage.begin()
                try:
                    async with asyncio.timeout(self._timeout):
                        response = await way.ask(question)
                        code = str(response.status_code)
                        try:
                            answer = await self._answer(response, where, login=login)
                        finally:
                            await response.aclose()
                except RoundError:
                    self.usage.judge(number, up=False)
                    raise
                # `from None`: an exception of httpx holds the request, and that holds the token.
                except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                    self.usage.judge(number, up=False)
                    raise self._unanswered(where, error, template, began) from None
                except (OSError, ssl.SSLError) as error:  # TimeoutError is an OSError
                    self.usage.judge(number, up=False)
                    raise self._unanswered(where, error, template, began) from None
                finally:
                    # Also when cancelled: the request was sent.
                    took = loop.time() - began
                    self.usage.attempted(template, method, code, took)
        self._judge(number, answer.status)
        if login:
            return answer
        if answer.problem is None:
            self._budget.answered(template, took, began)
        elif sign := _SIGNS.get(answer.status):
            self._budget.notice(sign, template, began)
        return answer

    def _unanswered(self, where: str, error: Exception, route: str, began: float) -> RoundError:
        problem = failure.of_exception(where, self._host, error)
        if route != AUTH and isinstance(problem, TimedOut):
            self._budget.notice(Sign.TIMED_OUT, route, began)
        return problem

    async def _answer(self, response: httpx.Response, where: str, *, login: bool) -> Answer:
        """The body of a failure is not read: it may be long, and nothing in it may be shown."""
        status = response.status_code
        if status in _SUCCESSES:
            return Answer(status, await read(response, where), None)
        if status in _REDIRECTS:
            location = response.headers.get("location", "")
            return Answer(status, b"", failure.redirected(where, status, self._url, location))
        said = response.headers
        wait = retry_after(said.get_list("retry-after"), self._clock(), said.get("date", ""))
        if status == _THROTTLED or (status >= _FAILED and wait is not None):
            self._budget.pause(UNSAID if wait is None else wait, login=login)
        problem = failure.of_status(where, status, told_to_wait=wait is not None)
        return Answer(status, b"", problem)

    def _judge(self, number: int, status: int) -> None:
        """Whether the API is up, by its newest answer; 429 says that it is busy, which is neither."""
        if status != _THROTTLED:
            refused = status == _UNAUTHORIZED or status in _REDIRECTS
            self.usage.judge(number, up=not refused and status < _FAILED)
