"""Asking one question of the API until it is answered or it makes no sense to go on."""

import asyncio
from contextlib import suppress
from random import Random
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from exporter.errors import Again, BadRequest, Forbidden, Malformed, NotFound, RoundError
from exporter.flatfile.budget import PATIENCE, Budget
from exporter.flatfile.keeper import TokenKeeper
from exporter.flatfile.mend import mended
from exporter.flatfile.routes import Route
from exporter.flatfile.token import Token
from exporter.flatfile.wire import Answer, Params, Target, Wire

T = TypeVar("T")

ATTEMPTS = 4
"""Of one question. With the pauses between them they outlast a restart of a load balancer; an
outage is for the next round."""

_BASE = 0.5  # seconds: the first pause, at most
_CAP = 30.0  # seconds
_UNAUTHORIZED = 401


class Client:
    """GETs of the allow-list, with a token, tried again where that may help."""

    def __init__(self, wire: Wire, keeper: TokenKeeper, budget: Budget, rng: Random) -> None:
        self._wire = wire
        self._keeper = keeper
        self._budget = budget
        self._rng = rng
        self._denied: set[str] = set()

    @property
    def rng(self) -> Random:
        return self._rng

    def retried(self, reason: str) -> None:
        self._wire.usage.retried(reason)

    async def get(self, target: Target, params: Params, shape: TypeAdapter[T]) -> T:
        """The answer, decoded. Raises a leaf of RoundError."""
        for attempt in range(ATTEMPTS - 1):
            try:
                return await self._get(target, params, shape)
            except Again as error:
                if self._budget.held_back > PATIENCE:
                    raise
                self.retried(error.reason)
                # Full jitter: a fleet that failed together must not come back together.
                await asyncio.sleep(self._rng.uniform(0.0, min(_CAP, _BASE * 2.0**attempt)))
        return await self._get(target, params, shape)

    async def _get(self, target: Target, params: Params, shape: TypeAdapter[T]) -> T:
        answer, token = await self._authorized(target, params)
        if answer.problem:
            if isinstance(answer.problem, Forbidden | NotFound | BadRequest):
                self._keeper.accepted(token)
            raise answer.problem
        decoded = await self._decoded(target, answer.body, shape)
        self._keeper.accepted(token)
        self._denied.discard(target.template)
        return decoded

    async def _authorized(self, target: Target, params: Params) -> tuple[Answer, Token]:
        """An answer other than 401, with the token that got it."""
        token = await self._keeper.get()
        answer = await self._wire.get(target, params, token.value)
        if answer.status == _UNAUTHORIZED and target.template in self._denied:
            # This route refuses tokens that others accept: do not mint one for each question.
            await self._raise_if_denied(target, token)
        if answer.status == _UNAUTHORIZED:
            fresh = await self._keeper.replace(token)
            if fresh is not token:
                self.retried("unauthorized")
                token = fresh
                answer = await self._wire.get(target, params, token.value)
        if answer.status == _UNAUTHORIZED:
            await self._raise_if_denied(target, token)
            self._keeper.refused(token)
        return answer, token

    async def _raise_if_denied(self, target: Target, token: Token) -> None:
        """A 401 of one route is no verdict on the token: the account's own page decides that.

        Raises Forbidden if the token is good, or why that could not be found out.
        """
        if target is Route.ACCOUNT:
            return
        probe = await self._wire.get(Route.ACCOUNT, {}, token.value)
        if probe.status == _UNAUTHORIZED:
            return
        if isinstance(probe.problem, Again):
            raise probe.problem
        self._denied.add(target.template)
        self._keeper.accepted(token)
        raise Forbidden(
            f"GET {target.template} answered 401 to a token that {Route.ACCOUNT.path} accepts: the"
            " credential may not ask for this; use one of an administrator"
        )

    async def _decoded(self, target: Target, body: bytes, shape: TypeAdapter[T]) -> T:
        try:
            return shape.validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            # In a thread: somebody may have made it long on purpose.
            better = await asyncio.to_thread(mended, body)
            with suppress(ValidationError):
                return shape.validate_json(better)
        if not first["loc"]:
            self._wire.usage.up = False  # something in between answers, not the API
        raise _malformed(target, first["type"], first["loc"])


def _malformed(target: Target, kind: str, loc: tuple[int | str, ...]) -> RoundError:
    """Names the field and what is wrong with it, never its value."""
    if kind == "json_invalid":
        return Malformed(
            f"GET {target.template} answered with something that is not JSON, or with half of it;"
            " check that api.url is Flatfile's API"
        )
    place = ".".join(str(part) for part in loc) or "the whole"
    return Malformed(
        f"GET {target.template} answered with JSON of another shape: {place} ({kind}); if this stays,"
        " the API has changed: report it"
    )
