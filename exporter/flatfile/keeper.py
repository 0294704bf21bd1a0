"""The token: minted once for everybody, refreshed in time, and never asked for in a busy loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NoReturn

from exporter.errors import ConfigurationError, Refused, RoundError, Unauthorized
from exporter.flatfile.credential import ClientPair, Credential, PersonalToken, SecretSource
from exporter.flatfile.mint import Exchange, Mint
from exporter.flatfile.token import Token, TokenStatus

LOOK = 15.0
"""Seconds between two looks at the clock and at the credential's files. Short, because a wall
clock can be set and a machine can sleep: one long sleep would miss both."""


class TokenKeeper:
    """Tokens are compared by identity: whoever got a 401 hands back the very token it used."""

    def __init__(
        self,
        exchange: Exchange,
        source: SecretSource,
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        self._source = source
        self._clock = clock
        self._mint = Mint(exchange, clock, rng)
        self._lock = asyncio.Lock()
        self._credential: Credential | None = None
        self._token: Token | None = None

    async def get(self) -> Token:
        """The token to use. Raises Unauthorized, or why it could not be minted.

        After a refusal by the API, one caller in each pause gets a token, as a probe; the others
        fail at once.
        """
        if token := self._usable():
            return token
        async with self._lock:
            if token := self._usable():
                return token
            credential = self._read()
            self._adopt(credential)
            self._mint.gate.check()
            self._token = await self._minted(credential)
            return self._token

    async def replace(self, stale: Token) -> Token:
        """Another token than the one that was answered with 401; minted if nobody did it yet.

        Returns the same one if there is no other: a personal token. Raises like :meth:`get`.
        """
        async with self._lock:
            try:
                credential = self._read()
                changed = self._adopt(credential)
                if self._token is not None and self._token is not stale:
                    return self._token
                self._mint.gate.check()
                if isinstance(credential, PersonalToken) and not changed:
                    return stale
                self._token = await self._minted(credential)
            except Refused:
                if self._token is stale:
                    self._token = None
                raise
            else:
                return self._token

    def accepted(self, token: Token) -> None:
        """The API answered a request with this token as it answers those it knows."""
        standing = self._mint.standing
        if token is not self._token:
            return
        if standing.refuser == "auth" and isinstance(self._credential, ClientPair):
            return  # the old token serves on, which says nothing for the pair
        if standing.refuser:
            self._mint.gate.open()
        standing.accepted()

    def refused(self, token: Token) -> None:
        """The API does not know this token, although it is as fresh as it gets."""
        if token is self._token:
            self._token = None
            self._mint.refused_by_api()

    async def keep(self) -> NoReturn:
        """The job that refreshes before expiry. Correctness never depends on it."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def look(self) -> None:
        """Refresh if it is time, or if the credential's files changed. Raises nothing expected."""
        if self._credential is None:
            return
        async with self._lock:
            try:
                await self._look(self._read())
            except RoundError:
                return  # said and counted where it happened; the old token serves on

    async def _look(self, credential: Credential) -> None:
        mint = self._mint
        changed = credential != self._credential
        if isinstance(credential, PersonalToken):
            self._adopt(credential)
            return
        if changed:
            # Another pair is tried at once; the old token serves on until it has proved itself.
            self._credential, mint.due = credential, self._clock()
            mint.gate.open()
        if mint.due is not None and self._clock() >= mint.due and not mint.gate.closed:
            self._token = await self._minted(credential)

    def refresh_due(self) -> float | None:
        """Unix seconds of the next refresh by the timer; None if there is nothing to refresh."""
        return self._mint.due

    def status(self) -> TokenStatus:
        pair = isinstance(self._credential, ClientPair)
        return TokenStatus(
            kind=None if self._credential is None else "client_pair" if pair else "personal_token",
            valid=self._mint.standing.valid,
            expires_at=self._token.expires_at if self._token else None,
            last_refresh=self._mint.last_refresh,
            refreshes=self._mint.refreshes,
            failures=self._mint.failures,
        )

    def rebind(self, exchange: Exchange, source: SecretSource) -> None:
        """After a reload. The token stays if the API and the credential are what they were."""
        self._source = source
        same = self._mint.rebind(exchange)
        # Unreadable is no proof of a change: the old token serves on.
        with suppress(Unauthorized):
            same = same and self._read() == self._credential
        if not same:
            self._forget(None)
            self._mint.standing.forget()

    def _usable(self) -> Token | None:
        token = self._token
        refused = self._mint.standing.refuser == "api"
        if token is None or refused or not token.lives(self._clock()):
            return None
        if isinstance(self._credential, PersonalToken):
            try:
                return token if self._read() == self._credential else None
            except Unauthorized:
                return token  # the file cannot be read any more; the old token serves on
        return token

    def _read(self) -> Credential:
        """The present credential; Unauthorized if it cannot be read."""
        try:
            credential = self._source()
        except ConfigurationError as error:
            if self._mint.standing.unreadable(error):
                self._mint.failures += 1
            raise Unauthorized(f"the credential cannot be read: {error}") from None
        self._mint.standing.readable()
        return credential

    def _adopt(self, credential: Credential) -> bool:
        """Whether it is another one than before; then it is tried at once, with a new token."""
        changed = credential != self._credential
        if changed:
            self._forget(credential)
        return changed

    def _forget(self, credential: Credential | None) -> None:
        self._credential, self._token, self._mint.due = credential, None, None
        self._mint.gate.open()

    async def _minted(self, credential: Credential) -> Token:
        """Under the lock, with the gate open. A rebind in the meantime starts it again."""
        while (token := await self._mint.token(credential)) is None:
            credential = self._read()
            self._adopt(credential)
        return token
