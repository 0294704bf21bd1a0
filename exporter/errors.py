"""Every error this program expects, as one closed tree drawn by what to do next.

::

    ExporterError
    ├── ConfigurationError        the operator must act: exit 2, or keep the old configuration
    ├── AuditError                the audit log cannot do what it is for
    │   ├── Unproven              the log does not verify: keep it as it is, find out who touched it
    │   └── DeliveryFailed        a sink took nothing: keep its cursor, say it once, try again
    │       ├── SinkUnavailable   not reachable, overloaded, full: it will pass
    │       └── SinkRefused       it does not accept us, or not this: the operator must act
    └── RoundError                a round failed: count it by ``reason``, say it once, sleep, go on
        ├── Again                 try again later; nothing is wrong with us
        │   ├── Unreachable       no connection, no name, no TLS, cut off in the middle
        │   ├── TimedOut          no whole answer in time
        │   ├── ServerFailed      5xx
        │   ├── Throttled         429, or 503 with Retry-After
        │   └── ListChanged       a listing would not stand still long enough to be read whole
        ├── Refused               say so, and slow down
        │   ├── Unauthorized      the credential is not accepted
        │   └── Forbidden         the credential is accepted, but not for this
        ├── Unexpected            our bug, or their change
        │   ├── BadRequest        400 and its kin
        │   ├── NotFound          404, 410
        │   ├── Malformed         not JSON, or JSON of another shape
        │   ├── TooLarge          more bytes than an answer may have
        │   └── Redirected        3xx; never followed, it would carry the token elsewhere
        └── StorageFailed         the embedded state cannot be read or written

Anything that is not in this tree is a bug and ends the process.

Messages hold no secret, no token, no e-mail address and no query string; they say what happened,
to what, and what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar


class ExporterError(Exception):
    """The root. Never raised itself."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in the configuration.

    ``setting`` is the dotted name (``web.listen-address``), ``origin`` where the value came from
    (``flag``, ``environment variable FLATFILE_EXPORTER_…``, ``file …``), ``message`` what is wrong
    and what would be right, without the value if it is a secret.
    """

    setting: str
    origin: str
    message: str

    def __str__(self) -> str:
        return f"{self.setting} ({self.origin}): {self.message}"


class ConfigurationError(ExporterError):
    """The configuration is wrong; carries every mistake, not only the first."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = tuple(map(_printable, mistakes))
        super().__init__("; ".join(str(mistake) for mistake in self.mistakes))


def _printable(mistake: Mistake) -> Mistake:
    """Escape what names and paths may hold, so that each mistake is one line on any terminal."""
    parts = (mistake.setting, mistake.origin, mistake.message)
    return Mistake(*(part if part.isprintable() else repr(part)[1:-1] for part in parts))


class AuditError(ExporterError):
    """The audit log cannot do what it is for."""


class Unproven(AuditError):
    """The log does not verify. The message names the first record that is wrong."""


class DeliveryFailed(AuditError):
    """A sink took none of a batch. ``retry_after`` (seconds) is what it asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SinkUnavailable(DeliveryFailed):
    """Try again later."""


class SinkRefused(DeliveryFailed):
    """Trying again is of no use before the operator has acted; it is done all the same, slowly."""


class RoundError(ExporterError):
    """Something a round may meet. ``reason`` is the label of its metric, from a closed set."""

    reason: ClassVar[str]


class Again(RoundError):
    """Try again later."""


class Unreachable(Again):
    reason = "unreachable"


class TimedOut(Again):
    reason = "timeout"


class ServerFailed(Again):
    reason = "server_error"


class Throttled(Again):
    reason = "throttled"


class ListChanged(Again):
    reason = "list_changed"


class Refused(RoundError):
    """Say so and slow down."""


class Unauthorized(Refused):
    reason = "unauthorized"


class Forbidden(Refused):
    reason = "forbidden"


class Unexpected(RoundError):
    """Our bug or their change."""


class BadRequest(Unexpected):
    reason = "bad_request"


class NotFound(Unexpected):
    reason = "not_found"


class Malformed(Unexpected):
    reason = "malformed"


class TooLarge(Unexpected):
    reason = "too_large"


class Redirected(Unexpected):
    reason = "redirected"


class StorageFailed(RoundError):
    reason = "storage"


def _leaves(root: type[RoundError]) -> Iterator[type[RoundError]]:
    for child in root.__subclasses__():
        yield from _leaves(child)
        if "reason" in vars(child):
            yield child


REASONS: tuple[str, ...] = tuple(sorted(leaf.reason for leaf in _leaves(RoundError)))
"""The closed set of values of the label ``reason``."""
