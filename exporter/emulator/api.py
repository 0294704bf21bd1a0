"""The emulated service as an ASGI application."""

import asyncio
from collections import deque
from fnmatch import fnmatchcase
from random import Random

from exporter.emulator import asgi, control, mischief, routes
from exporter.emulator.calls import Answer, Call, Refusal, Request
from exporter.emulator.credentials import Credentials
from exporter.emulator.faults import Fault, Faults
from exporter.emulator.ids import Ids
from exporter.emulator.listings import Desk
from exporter.emulator.quirks import Quirks
from exporter.emulator.shapes import Shapes
from exporter.emulator.world import World

# Both are in use by clients of the real service (the API notes, section 2).
BASE_PATHS = ("/api/v1", "/v1")
_REMEMBERED = 100_000


class Emulator:
    """Answers for `world`, with what is unknown decided by `quirks` and disturbed by `faults`.

    `requests` are the newest ones, `dangerous_calls` those a collector must never make. Everything
    may be changed while it serves. The control interface lies under `/_control/`.
    """

    def __init__(
        self,
        world: World,
        quirks: Quirks | None = None,
        *,
        base_paths: tuple[str, ...] = BASE_PATHS,
    ) -> None:
        self.world = world
        self.quirks = Quirks() if quirks is None else quirks
        self.faults = Faults(Random(f"faults {world.seed}"))
        self.credentials = Credentials(world.clock, ids=Ids(world.seed + 1))
        self.requests: deque[Request] = deque(maxlen=_REMEMBERED)
        self.dangerous_calls: list[Request] = []
        self._base_paths = base_paths
        self._dice = Random(f"orders {world.seed}")
        self._released = asyncio.Event()
        self._answered: deque[float] = deque()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "lifespan":
            await asgi.lifespan(receive, send)
        elif scope["type"] == "http":
            call = await asgi.read(scope, receive)
            if call.path.startswith(control.PREFIX):
                await asgi.reply(send, control.answer(self, call))
            else:
                await self._serve(call, receive, send)

    def release(self) -> None:
        """Ends every answer that hangs, so that a server can stop."""
        self._released.set()

    def answer(self, call: Call) -> Answer:
        """The undisturbed answer to a call whose path has no base any more."""
        world, quirks = self.world, self.quirks
        world.account.unknown_topics = quirks.unknown_topics
        now = world.advance()
        try:
            self._limit(now)
            _forbid(call, quirks)
            if (call.method, call.path) == ("POST", "/auth"):
                return self.credentials.mint(call, quirks, world.account.id)
            self.credentials.admit(call)
            if quirks.redirect:
                return Answer({}, 307, (("location", quirks.redirect + call.path),))
            shapes = Shapes(world.account, quirks)
            desk = Desk(world.account, quirks, shapes, self._dice, now)
            return routes.answer(desk, call)
        except Refusal as refusal:
            return refusal.answer(quirks.errors_form)

    async def _serve(self, call: Call, receive: asgi.Receive, send: asgi.Send) -> None:
        for base in self._base_paths:
            if call.path.startswith(base + "/"):
                inner = Call(
                    call.method, call.path[len(base) :], call.query, call.headers, call.body
                )
                break
        else:
            await asgi.reply(send, Refusal(404, "Not found").answer())
            return
        fault = self.faults.pick(inner)
        normal = Answer() if fault and fault.kind == "status" else self.answer(inner)
        self._remember(inner, normal, fault)
        if fault is None:
            await asgi.reply(send, normal)
        else:
            await mischief.play(fault, normal, receive, send, self._released)

    def _limit(self, now: float) -> None:
        """Counts what is answered, as most services do: a refusal costs them next to nothing."""
        limit = self.quirks.rate_limit
        if limit is None:
            return
        while self._answered and not 0 <= now - self._answered[0] < 1.0:
            self._answered.popleft()
        if len(self._answered) + 1 > limit:
            after = self.quirks.rate_limit_retry_after
            headers = (("retry-after", after),) if after else ()
            raise Refusal(429, "Too many requests", headers)
        self._answered.append(now)

    def _remember(self, call: Call, answer: Answer, fault: Fault | None) -> None:
        if fault is None:
            kind, status = "", answer.status
        else:
            kind = fault.kind
            passes = kind in {"latency", "drip", "wrong_data", "wrong_types", "nulls"}
            status = answer.status if passes else fault.shown_status
        request = Request(call.method, call.path, call.query, status, self.world.now(), kind)
        self.requests.append(request)
        try:
            route, _ = routes.find(call)
        except Refusal:
            return
        if route.is_dangerous:
            self.dangerous_calls.append(request)


def _forbid(call: Call, quirks: Quirks) -> None:
    for pattern, status in quirks.forbid_routes.items():
        if fnmatchcase(call.path, pattern):
            raise Refusal(status, "Forbidden")
