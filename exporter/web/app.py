"""The ASGI application: what is answered where.

Everything here is answered from memory. Nothing waits for Flatfile, but a reload may, and a scrape
waits for a rendering.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from exporter.board import Board, Snapshot
from exporter.exposition import Exposition, UnknownCollector
from exporter.precedence import Precedence
from exporter.web.answers import Answer, plain, reply
from exporter.web.asgi import Receive, Scope, Send

if TYPE_CHECKING:
    from exporter.web.status import Status

_FIELDS = 100  # of a query; more are nobody's honest wish
_REFRESH = re.compile(r"[1-9][0-9]{1,3}")  # seconds; from 10, so that it is no load

_READ = ("GET", "HEAD")
_WRITE = ("POST",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application works with.

    ``reload`` reads the configuration again and gives its mistakes, a line each and without
    secrets; none if it is in force. It must bear being called while it runs. ``max_requests`` is
    how many scrapes may be answered at once, 0 for any number. ``precedence`` is told of each.
    """

    board: Board
    exposition: Exposition
    status: "Callable[[], Status]"
    reload: Callable[[], Awaitable[tuple[str, ...]]]
    telemetry_path: str = "/metrics"
    max_requests: Callable[[], int] = lambda: 0
    precedence: Precedence = field(default_factory=Precedence)


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are in lower case; of a header that came twice, the values joined."""

    headers: Mapping[str, str]
    query: str


@dataclass(frozen=True, slots=True)
class _Route:
    methods: tuple[str, ...]
    answer: Callable[[Request], Awaitable[Answer]]


class App:
    """Takes ``Parts``; is called by the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._failing: dict[str, str] = {}
        self._scrapes = 0
        healthy, ready = _Route(_READ, self._healthy), _Route(_READ, self._ready)
        self._routes = {
            "/": _Route(_READ, self._page),
            **dict.fromkeys(("/-/healthy", "/healthz", "/livez"), healthy),
            **dict.fromkeys(("/-/ready", "/readyz"), ready),
            "/-/reload": _Route(_WRITE, self._reload),
            parts.telemetry_path: _Route(_READ, self._metrics),
        }

    async def __call__(self, scope: Scope, _: Receive, send: Send, /) -> None:
        """Bodies of requests are never read: no answer here depends on one."""
        if scope["type"] != "http":
            return
        if scope["path"] == self._parts.telemetry_path:
            await self._scrape(scope, send)
        else:
            await self._reply(scope, send)

    async def _scrape(self, scope: Scope, send: Send) -> None:
        """Those who do not read what they asked for count for as long as they are waited for."""
        most = self._parts.max_requests()
        if most and self._scrapes >= most:
            # The words of the Go client, which its users look for.
            message = f"Limit of concurrent requests reached ({most}), try again later."
            await reply(plain(message, 503), send, body=scope["method"] != "HEAD")
            return
        self._scrapes += 1
        try:
            await self._reply(scope, send)
        finally:
            self._scrapes -= 1

    async def _reply(self, scope: Scope, send: Send) -> None:
        with self._parts.precedence.answering():
            answer = await self._answer(scope)
            await reply(answer, send, body=scope["method"] != "HEAD")

    async def _answer(self, scope: Scope) -> Answer:
        path = scope["path"]
        route = self._routes.get(path)
        if route is None:
            return plain("There is nothing here. / shows what there is.", 404)
        if scope["method"] not in route.methods:
            allowed = ", ".join(route.methods)
            return plain(f"This takes {allowed} only.", 405, ("allow", allowed))
        try:
            answer = await route.answer(_request(scope))
        except Exception as error:  # noqa: BLE001 - a bug in an answer must not end the collecting
            self._failed(path, error)
            return plain("Something went wrong here; the log of the program says what.", 500)
        self._failing.pop(path, None)
        return answer

    def _failed(self, path: str, error: Exception) -> None:
        """Say it once, by kind and place: the message could hold anything, a secret too."""
        import structlog  # noqa: PLC0415 - 20 ms, for which the first answers do not wait

        place = _place(error)
        if self._failing.get(path) != place:
            self._failing[path] = place
            log = structlog.get_logger()
            log.error("request_failed", path=path, error=type(error).__name__, at=place)

    async def _metrics(self, request: Request) -> Answer:
        return await _scraped(self._parts.exposition, request)

    async def _page(self, request: Request) -> Answer:
        from exporter.web import style  # noqa: PLC0415 - 10 ms, for the page alone
        from exporter.web.page import page  # noqa: PLC0415 - only who opens the page needs it

        asked = (_query(request.query) or {}).get("refresh", [""])[0]
        refresh = int(asked) if _REFRESH.fullmatch(asked) else None
        # Ten milliseconds for a large account: too long for those who wait for the loop.
        loop = asyncio.get_running_loop()
        html = await loop.run_in_executor(None, page, self._parts.status(), refresh)
        return Answer(
            content_type="text/html; charset=utf-8",
            chunks=(html.encode("utf-8", "replace"),),
            headers=(("content-security-policy", style.POLICY), ("referrer-policy", "no-referrer")),
        )

    async def _healthy(self, _: Request) -> Answer:
        return plain("The exporter is healthy.")

    async def _ready(self, _: Request) -> Answer:
        reasons = _not_ready(self._parts.board.snapshot)
        return plain("\n".join(reasons), 503) if reasons else plain("The exporter is ready.")

    async def _reload(self, request: Request) -> Answer:
        # A browser sends one of these with every form and script, and no other client does: a page
        # somewhere must not be able to do this through somebody's browser.
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            return plain("Not from a browser; use a program such as curl.", 403)
        mistakes = await self._parts.reload()
        if mistakes:
            first = "The configuration has mistakes; the old one stays in force."
            return plain("\n".join((first, *mistakes)), 500)
        return plain("The configuration is in force.")


async def scraped(exposition: Exposition, scope: Scope) -> Answer:
    """The page that this request for metrics wants."""
    return await _scraped(exposition, _request(scope))


async def _scraped(exposition: Exposition, request: Request) -> Answer:
    asked = _query(request.query)
    if asked is None:
        return plain("This query cannot be read.", 400)
    try:
        made = await exposition.page(
            request.headers.get("accept"),
            request.headers.get("accept-encoding"),
            frozenset(asked.get("collect[]", ())),
        )
    except UnknownCollector as error:
        return plain(str(error), 400)
    encoding = (("content-encoding", made.encoding),) if made.encoding else ()
    return Answer(
        content_type=made.content_type,
        chunks=made.chunks,
        headers=(("vary", "Accept, Accept-Encoding"), *encoding),
    )


def _not_ready(snapshot: Snapshot) -> tuple[str, ...]:
    """Why not, a line each; nothing if it is."""
    if not snapshot.records:
        return ("The exporter is starting.",)
    return tuple(
        f"Waiting for the first complete round of {name}."
        + (f" The last one failed: {problem}" if problem else "")
        for name in snapshot.waiting_for()
        for problem in (snapshot.records[name].problem,)
    )


def _request(scope: Scope) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Request(headers, scope["query_string"].decode("latin-1"))


def _query(query: str) -> dict[str, list[str]] | None:
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        return None


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"
