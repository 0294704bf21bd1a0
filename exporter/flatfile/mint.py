"""Making a usable token of a credential, and keeping count of how that goes."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from exporter.errors import Refused, RoundError, Unauthorized
from exporter.flatfile.credential import ClientPair, Credential, PersonalToken, sendable
from exporter.flatfile.gate import Gate
from exporter.flatfile.standing import Standing
from exporter.flatfile.token import Token


class Exchange(Protocol):
    """``POST /auth``. Two with the same ``url`` give tokens for the same API."""

    @property
    def url(self) -> str: ...

    async def __call__(self, pair: ClientPair) -> Token:
        """Raises Unauthorized if the pair is refused, or another leaf of RoundError."""


class Mint:
    """``due`` (refresh by then) and ``last_refresh`` are Unix seconds."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float], rng: Random) -> None:
        self.gate = Gate(rng)
        self.standing = Standing()
        self.refreshes = 0
        self.failures = 0
        self.last_refresh: float | None = None
        self.due: float | None = None
        self._exchange = exchange
        self._clock = clock
        self._rng = rng

    def rebind(self, exchange: Exchange) -> bool:
        """Whether the new one speaks to the same API."""
        same = exchange.url == self._exchange.url
        self._exchange = exchange
        return same

    async def token(self, credential: Credential) -> Token | None:
        """A new token; None if :meth:`rebind` came in between: ask again.

        Raises why not, after the gate was closed; the gate is not looked at.
        """
        if isinstance(credential, PersonalToken):
            return self._personal(credential)
        exchange = self._exchange
        try:
            token = await exchange(credential)
        except RoundError as error:
            if exchange is not self._exchange:
                return None
            self._failed(error)
            raise
        if exchange is not self._exchange:
            return None
        self._succeeded(token)
        return token

    def refused_by_api(self) -> None:
        """Nothing is fresher than the token that was refused."""
        why = _refused_by_api()
        self.standing.refused("api", why)
        if not self.gate.closed:
            self.gate.close(why)

    def _personal(self, credential: PersonalToken) -> Token:
        if not sendable(credential.value):
            why = Unauthorized(
                "the personal access token holds characters that no header can carry;"
                " copy it again, without blanks and line breaks"
            )
            self._failed(why)
            raise why
        if self.standing.refuser == "api":
            self.gate.close(_refused_by_api())  # whoever gets this one is the probe
        return Token(credential.value, None, self._clock())

    def _failed(self, error: RoundError) -> None:
        self.failures += 1
        self.gate.close(error)
        if isinstance(error, Refused):
            self.standing.refused(self.standing.refuser or "auth", error)
        else:
            self.standing.failing(error)

    def _succeeded(self, token: Token) -> None:
        now = self._clock()
        self.refreshes += 1
        self.last_refresh = now
        # Three quarters and a bit: time for many attempts, and a fleet does not come as one.
        lifetime = (token.expires_at or now) - now
        self.due = now + lifetime * self._rng.uniform(0.75, 0.85)
        self.standing.refreshed()
        if self.standing.refuser == "api":
            self.gate.close(_refused_by_api())  # whoever gets this one is the probe
        else:
            self.gate.open()
            self.standing.accepted()


def _refused_by_api() -> Unauthorized:
    return Unauthorized(
        "Flatfile answers 401 to a fresh token; check that the credential is not revoked and that"
        " api.url is the API of its region"
    )
