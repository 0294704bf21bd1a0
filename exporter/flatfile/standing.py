"""How the credential stands with Flatfile, and one log line for each change of that."""

from typing import Literal

import structlog
from structlog.typing import FilteringBoundLogger

from exporter.errors import RoundError

_log: FilteringBoundLogger = structlog.get_logger()

Refuser = Literal["auth", "api"]
"""``auth``: ``POST /auth`` did not take the pair; the old token may still serve. ``api``: the API
did not take a token that is as fresh as it gets."""


class Standing:
    """Transitions are logged, repetitions are not."""

    def __init__(self) -> None:
        self.refuser: Refuser | None = None
        self._accepted = False
        self._unreadable = False
        self._failing = False

    @property
    def valid(self) -> bool | None:
        """None before the first verdict."""
        if self.refuser or self._unreadable:
            return False
        return True if self._accepted else None

    def refused(self, refuser: Refuser, why: RoundError) -> None:
        if self.refuser is None:
            _log.error("credential_refused", by=refuser, error=str(why))
        self.refuser = refuser

    def accepted(self) -> None:
        if self.refuser:
            _log.info("credential_accepted")
        self.refuser = None
        self._accepted = True

    def unreadable(self, why: Exception) -> bool:
        """True if that is news."""
        news = not self._unreadable
        if news:
            _log.error("credential_unreadable", error=str(why))
        self._unreadable = True
        return news

    def readable(self) -> None:
        if self._unreadable:
            _log.info("credential_readable")
        self._unreadable = False

    def failing(self, why: RoundError) -> None:
        """No verdict: the endpoint could not be asked, or made no sense."""
        if not self._failing:
            _log.warning("token_refresh_failing", reason=why.reason, error=str(why))
        self._failing = True

    def refreshed(self) -> None:
        if self._failing:
            _log.info("token_refresh_recovered")
        self._failing = False

    def forget(self) -> None:
        """Another credential or another API: what was said of the old one is void."""
        self.refuser = None
        self._accepted = False
        self._failing = False
