"""How much may be asked of the API at once, how often, in which order, and not before when."""

import asyncio
from asyncio import CancelledError, Future, TimerHandle, get_running_loop
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from types import TracebackType

import structlog

from exporter.errors import Throttled
from exporter.flatfile.governor import Governor, Sign
from exporter.flatfile.urgency import deadline
from exporter.flatfile.usage import Usage

PATIENCE = 60.0
"""Seconds. A longer pause makes a request fail as Throttled at once: a round that says so is
worth more than one that hangs for an hour and looks healthy."""

_SPELL = 0.1  # seconds whose requests may come as one burst while the API is spared
_TICK = 1e-3  # seconds: keeps a rounding error of the clock from waiting for nothing at all

log = structlog.get_logger()


class Budget:
    """One queue for every request of every route, the earliest deadline first.

    A request needs one of ``concurrency`` places and one token of a bucket which fills at the
    governed rate, at most ``requests_per_second``, and holds ``concurrency`` tokens; fewer while
    the rate is lowered, because a server that counts its requests minds a burst, too. Who waits
    for a token holds no place.

    A pause (``Retry-After``) and a lowered rate hold for every route. Which of an account's, a
    token's or a route's limits a 429 is about, nobody has said (API notes, section 4); taken for
    the account's it costs some minutes at worst, while every request that is sent against a limit
    of the account may prolong it. The token endpoint is the exception: what it says of logging in
    holds for logging in, since a token that is still good may well serve on. If that was wrong,
    the next answer of the API says so.
    """

    def __init__(
        self,
        requests_per_second: float,
        concurrency: int,
        usage: Usage,
        governor: Governor | None = None,
    ) -> None:
        """Where there is a ``governor`` already, of the same API, its rate and pauses go on."""
        self.governor = governor or Governor(requests_per_second)
        self.governor.change(requests_per_second)
        self._burst = float(max(1, concurrency))
        self._places = max(1, concurrency)
        self._usage = usage
        self._line: list[tuple[float, int, Future[bool]]] = []
        self._gone = 0  # cancelled since the line was last tidied
        self._numbers = count()
        self._timer: TimerHandle | None = None
        self._tokens = self._burst
        self._filled_at = -inf
        self._slowed = governor is not None and governor.slowed(get_running_loop().time())

    @property
    def rate(self) -> float:
        """Requests per second that are allowed right now; 0 during a pause."""
        now = get_running_loop().time()
        return 0.0 if self.governor.paused_until > now else self.governor.rate(now)

    @property
    def held_back(self) -> float:
        """Seconds until the pause ends; 0 if there is none."""
        return max(0.0, self.governor.paused_until - get_running_loop().time())

    def pause(self, seconds: float, *, login: bool = False) -> None:
        """Hold back every request that has not begun, or only those of the token endpoint.

        A shorter pause never ends a longer one.
        """
        until = get_running_loop().time() + seconds
        self.governor.pause(until, login=login)
        if self.held_back > PATIENCE:
            self._dismiss()

    def slot(self) -> "Slot":
        """Wait for permission to send one request, as urgent as the context says.

        Entering raises Throttled if the wait is too long.
        """
        return Slot(self)

    def login_slot(self) -> "Slot":
        """The same for the token endpoint: before everybody else, who may be waiting for it."""
        return Slot(self, login=True)

    def notice(self, sign: Sign, route: str, sent: float) -> None:
        """The answer to a request sent then (loop time) is a sign that it was too much."""
        now = get_running_loop().time()
        self._fill(now)
        if self.governor.notice(sign, route, sent, now):
            self._slow_down(sign, now)

    def answered(self, route: str, seconds: float, sent: float) -> None:
        """A request sent then (loop time) succeeded, and took so long."""
        now = get_running_loop().time()
        if self.governor.answered(route, seconds, sent, now):
            self._slow_down(Sign.SLOW, now)

    def _slow_down(self, sign: Sign, now: float) -> None:
        rate = self.governor.rate(now)
        if not self._slowed:
            self._slowed = True
            log.warning(
                "api_slowed_down",
                because=sign.words,
                requests_per_second=round(rate, 2),
                limit=self.governor.limit,
            )
        self._tokens = min(self._tokens, self._room(rate))

    def _fill(self, now: float) -> None:
        rate = self.governor.rate(now)
        if self._slowed and not self.governor.slowed(now):
            self._slowed = False
            log.info("api_at_full_rate", requests_per_second=rate)
        filled = self._tokens + (now - self._filled_at) * rate
        self._tokens = min(self._room(rate), filled)
        self._filled_at = now

    def _room(self, rate: float) -> float:
        return min(self._burst, max(1.0, rate * _SPELL)) if self._slowed else self._burst

    def _wait(self, now: float) -> float:
        """Seconds until the head of the line may go, if there is a place; 0 is now."""
        if self.governor.paused_until > now:
            return self.governor.paused_until - now
        self._fill(now)
        if self._tokens >= 1.0:
            return 0.0
        return max(_TICK, (1.0 - self._tokens) / self.governor.rate(now))

    def _take(self, now: float) -> None:
        self._places -= 1
        self._tokens -= 1.0
        self.governor.sent(now)

    def _release(self) -> None:
        self._places += 1
        if self._line and self._timer is None:
            self._serve()

    def _serve(self) -> None:
        """Let go whoever may. There is a timer exactly while a place is free, but no token."""
        loop = get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._somebody_waits() and self._places:
            now = loop.time()
            if self.held_back > PATIENCE:  # a session before this one has been told so
                self._dismiss()
                return
            if wait := self._wait(now):
                self._timer = loop.call_later(wait, self._serve)
                return
            self._take(now)
            heappop(self._line)[2].set_result(True)

    def _somebody_waits(self) -> bool:
        while self._line and self._line[0][2].cancelled():
            heappop(self._line)
        return bool(self._line)

    def _dismiss(self) -> None:
        """Nobody is kept waiting for longer than is reasonable."""
        line, self._line = self._line, []
        for _, _, turn in line:
            if not turn.cancelled():
                turn.set_result(False)

    async def _enter(self, login: bool) -> None:
        """Take a place and a token."""
        now = get_running_loop().time()
        if login and self.governor.login_paused_until > now:
            await self._until_login(now)
            now = get_running_loop().time()
        if self._places and not self._somebody_waits() and not self._wait(now):
            self._take(now)
            return
        try:
            await self._turn(-inf if login else deadline(now))
        finally:
            self._usage.waited(get_running_loop().time() - now)

    async def _turn(self, due: float) -> None:
        _give_up_if_long(self.held_back)
        turn: Future[bool] = get_running_loop().create_future()
        heappush(self._line, (due, next(self._numbers), turn))
        if self._timer is None:
            self._serve()
        try:
            admitted = await turn
        except CancelledError:
            self._leave(turn)
            raise
        if not admitted:
            raise _too_long(self.held_back)

    def _leave(self, turn: "Future[bool]") -> None:
        """Who was cancelled takes nothing with it, not even a turn that had just come."""
        if turn.cancelled():
            self._gone += 1
            if 2 * self._gone > len(self._line):
                self._line = [each for each in self._line if not each[2].cancelled()]
                heapify(self._line)
                self._gone = 0
        elif turn.result():
            self._tokens += 1.0
            self._places += 1
            self._serve()

    async def _until_login(self, now: float) -> None:
        try:
            while (left := self.governor.login_paused_until - get_running_loop().time()) > 0.0:
                _give_up_if_long(left)
                await asyncio.sleep(left)
        finally:
            self._usage.waited(get_running_loop().time() - now)


class Slot:
    """Permission for one request, for as long as it is entered. Cheap: there is one a request."""

    __slots__ = ("_budget", "_login")

    def __init__(self, budget: Budget, *, login: bool = False) -> None:
        self._budget = budget
        self._login = login

    async def __aenter__(self) -> None:
        await self._budget._enter(self._login)  # noqa: SLF001 - one thing in two classes

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._budget._release()  # noqa: SLF001 - one thing in two classes


def _too_long(held: float) -> Throttled:
    return Throttled(
        f"Flatfile asked for a pause, which has {held:.0f} s to go; nothing is asked until"
        " then. If this happens often, lower api.requests-per-second"
    )


def _give_up_if_long(held: float) -> None:
    if held > PATIENCE:
        raise _too_long(held)
