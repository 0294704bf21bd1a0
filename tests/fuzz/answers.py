"""Answers of the API: everything from the status line to the value that a collector is given.

A conversation is written as a file that people can read: the question, and what the server
answers to one request after another, between lines of four dashes. An answer is its status,
headers, an empty line and the body; one without an empty line is a body with status 200, and
status 0 is a connection that breaks. When all is said, the last answer is given again.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

import httpx
from pydantic_core import from_json

from exporter.errors import RoundError
from exporter.flatfile import token
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.mend import mended
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.retry_after import LONGEST, retry_after
from exporter.flatfile.session import connect
from tests.fuzz.promises import Alone, hold, overheard, silent, words
from tests.support.loop import VirtualLoop

NOW = VirtualLoop.EPOCH
SECRET = "canary-of-the-secret"
MOST = 120  # requests that are answered; then the door is shut
AFTER = 40  # requests that may still be sent when it is: those under way, and their retries

_GRANT = b'{"data":{"accessToken":"canary-of-the-token","expiresIn":"86400"}}'
_SEPARATOR = b"\n----\n"
_DAY = 86_400.0

Question = Callable[[Flatfile], Awaitable[object]]


async def _all(pages: Any) -> list[Any]:
    return [item async for page in pages for item in page]


LISTINGS: Mapping[bytes, Question] = {
    b"account": lambda of: of.account(),
    b"environments": lambda of: of.environments(),
    b"spaces": lambda of: of.spaces(archived=False),
    b"first": lambda of: of.spaces_first_page(archived=True),
    b"count": lambda of: of.count_spaces("us_env_1", archived=False),
    b"agents": lambda of: of.agents("us_env_1", system=False),
    b"users": lambda of: of.users(),
    b"guests": lambda of: of.guests("us_sp_1"),
}
FEEDS: Mapping[bytes, Question] = {
    b"events": lambda of: _all(of.events(NOW - _DAY)),
    b"raw": lambda of: _all(of.raw_events(NOW - _DAY, topic="agent:deleted")),
    b"fixed": lambda of: _all(of.raw_events(NOW - _DAY, page_size=2)),
    b"executions": lambda of: _all(of.executions("us_env_1", NOW - _DAY)),
}
LOOKUPS: Mapping[bytes, Question] = {
    b"user": lambda of: of.user("us_usr_1"),
    b"guest": lambda of: of.guest("us_g_1"),
    b"agent": lambda of: of.agent("us_ag_1", "us_env_1"),
    b"space": lambda of: of.space("us_sp_1"),
}


def listings(content: bytes) -> None:
    """Listings, page by page, and what comes of them."""
    _conversation(content, LISTINGS)


def feeds(content: bytes) -> None:
    """Events, raw events for the audit log, and executions."""
    _conversation(content, FEEDS)


def lookups(content: bytes) -> None:
    """Single things by their id."""
    _conversation(content, LOOKUPS)


def exchange(content: bytes) -> None:
    """``POST /auth``, by way of a question that needs a token."""
    _conversation(content, {b"auth": LISTINGS[b"account"]}, of_auth=True)


def grant(content: bytes) -> None:
    """The answer of ``POST /auth`` alone."""
    try:
        found = token.granted(content, NOW)
    except RoundError as error:
        silent([str(error)], words(content), "an answer of /auth is not repeated")
        return
    hold(found.value.isascii() and found.value.isprintable(), "a header can carry the token")
    hold(found.expires_at is not None, "a token of this route expires")
    hold(math.isfinite(found.expires_at or math.inf), "at a time that there is")
    hold(NOW < (found.expires_at or 0) <= NOW + 32 * _DAY, "which is neither past nor far away")
    hold(f"{found.value!r}" not in repr(found), "the token is not shown")


def wait(content: bytes) -> None:
    """The lines of ``Retry-After``."""
    found = retry_after(content.decode("latin-1").split("\n"), NOW)
    hold(found is None or 0 <= found <= LONGEST, "a wait is none, or within its bounds")


def mend(content: bytes) -> None:
    """JSON that the decoder did not take."""
    better = mended(content)
    hold(len(better) <= max(len(content), 4) * 4, "it does not grow without measure")
    try:
        before = from_json(content)
    except ValueError:
        return
    if "inf" not in repr(before):  # which is what a number beyond every double is taken for
        hold(repr(from_json(better)) == repr(before), "what the decoder takes stays what it is")


def server_of(content: bytes, *, of_auth: bool = False) -> tuple[bytes, "Server"]:
    """What is asked in a conversation, and who answers."""
    asked, _, rest = content.partition(b"\n")
    return asked, Server(rest.split(_SEPARATOR), of_auth=of_auth)


def _conversation(
    content: bytes, questions: Mapping[bytes, Question], *, of_auth: bool = False
) -> None:
    asked, server = server_of(content, of_auth=of_auth)
    question = questions.get(asked, next(iter(questions.values())))
    with overheard() as lines:
        told = put(question, server)
    told += lines
    silent(told, words(server.said) - server.hosts, "what the server says is not repeated")
    silent(told, (SECRET, "canary-of-the-token"), "no secret is told")
    hold(server.asked <= MOST + AFTER, "it stops asking where it is refused")


def put(question: Question, server: "Server") -> list[str]:
    """Ask; what an error says, and nothing if there is a value."""
    with asyncio.Runner(loop_factory=Alone) as runner:
        return runner.run(_ask(server, question))


async def _ask(server: "Server", question: Question) -> list[str]:
    """Whatever is no leaf of RoundError comes out."""
    session = connect(
        "http://flatfile.test/v1",
        lambda: ClientPair("us_key_1", SECRET),
        timeout=30,
        concurrency=3,
        requests_per_second=1000,
        page_size=3,
        clock=asyncio.get_running_loop().wall,  # type: ignore[attr-defined] # of the virtual loop
        rng=Random(1),
        transport=server,
    )
    try:
        await question(session.flatfile)
    except RoundError as error:
        hold(hasattr(error, "reason"), f"{type(error).__name__} is a leaf")
        return [str(error)]
    finally:
        await session.aclose()
        hold(asyncio.all_tasks() == {asyncio.current_task()}, "no task is left behind")
    return []


class Server(httpx.AsyncBaseTransport):
    """Gives the answers of a conversation, in order; nothing of httpx but the socket is left out."""

    def __init__(self, answers: list[bytes], *, of_auth: bool) -> None:
        self.asked = 0
        self.said = b"\n".join(answers)
        self.hosts: set[str] = set()  # a redirect's may be named
        self._answers = answers
        self._of_auth = of_auth

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (request.method == "POST") is not self._of_auth:
            body = _GRANT if request.method == "POST" else b'{"data":{"id":"us_acc_1"}}'
            return httpx.Response(200, stream=httpx.ByteStream(body))
        self.asked += 1
        if self.asked > MOST:
            return httpx.Response(403)
        return self._answer(self._answers[min(self.asked, len(self._answers)) - 1])

    def _answer(self, written: bytes) -> httpx.Response:
        head, empty, body = written.partition(b"\n\n")
        if not empty:
            head, body = b"200", written
        status, *lines = head.split(b"\n")
        code = int(status) if status.isdigit() and len(status) <= 3 else 200
        if code == 0:
            raise httpx.ReadError("cut off")
        headers = [
            (name.strip().lower(), value.strip())
            for name, colon, value in (line.partition(b":") for line in lines)
            if colon and name.strip().isalnum() | (b"-" in name) and _sendable(name + value)
        ]
        for name, value in headers:
            if name == b"location":
                self.hosts |= words(value)
        return httpx.Response(max(code, 200), headers=headers, stream=httpx.ByteStream(body))


def _sendable(line: bytes) -> bool:
    """What h11 lets through in a header."""
    return all(byte >= 0x20 and byte != 0x7F for byte in line) and line.isascii()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "listings": listings,
    "feeds": feeds,
    "lookups": lookups,
    "exchange": exchange,
    "grant": grant,
    "retry-after": wait,
    "mend": mend,
}
