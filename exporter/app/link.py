"""From settings to a connection with Flatfile."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from exporter.errors import ConfigurationError, Mistake
from exporter.flatfile.credential import Credential
from exporter.flatfile.session import Session, connect
from exporter.settings import Settings, credential_source
from exporter.settings.model import NO_CREDENTIAL


class Link(Protocol):
    """How a session is opened. The daemon's other seam: a test brings the network."""

    def __call__(
        self,
        settings: Settings,
        *,
        wall: Callable[[], float],
        rng: Random,
        before: Session | None,
    ) -> Session:
        """See :func:`open_session`."""


def open_session(
    settings: Settings,
    *,
    wall: Callable[[], float],
    rng: Random,
    before: Session | None = None,
) -> Session:
    """A session by these settings; what ``before`` counted, and its token if it fits, goes on.

    Raises ConfigurationError if there is no credential, or if ``api.ca-file`` cannot be used.
    """
    settings.require_credential()
    present = credential_source(settings.auth)

    def source() -> Credential:
        found = present()
        if found is None:
            raise ConfigurationError(Mistake("auth", "configuration", NO_CREDENTIAL))
        return found

    api = settings.api
    return connect(
        api.url,
        source,
        timeout=api.timeout,
        concurrency=api.concurrency,
        requests_per_second=api.requests_per_second,
        page_size=api.page_size,
        ca_file=api.ca_file,
        clock=wall,
        rng=rng,
        before=before,
    )
