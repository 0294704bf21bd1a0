"""The audit log in the daemon, if it is kept. Where it is not, nothing of it is imported."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import structlog

from exporter.errors import ConfigurationError, Mistake
from exporter.precedence import GiveWay, never
from exporter.settings import Settings
from exporter.web.status import AuditStatus, SinkStatus

if TYPE_CHECKING:
    from exporter.audit.service import Audit

_PACKAGES = {"cryptography", "rfc8785", "asyncpg", "opentelemetry", "google", "cffi"}

log = structlog.get_logger()


def open_audit(
    settings: Settings, *, wall: Callable[[], float], rng: Random, give_way: GiveWay = never
) -> "Audit | None":
    """None if no audit log is kept. Raises ConfigurationError for what only shows now.

    It is of the whole account, and so the first shard's; the others take the same configuration.
    """
    if not settings.audit.enabled:
        return None
    if not settings.shard.first:
        log.info("audit_left_to_first_shard", shard=str(settings.shard))
        return None
    try:
        # Signatures and their like cost a start of 50 ms and 10 MB, and most keep no audit log.
        from exporter.audit.service import Audit  # noqa: PLC0415 - only who keeps a log pays for it

        return Audit(settings, wall=wall, rng=rng, give_way=give_way)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _PACKAGES:
            raise  # a module of ours: a bug
        raise ConfigurationError(
            Mistake(
                "audit",
                "configuration",
                f"needs the package {error.name}, which is not installed; install"
                " flatfile-exporter[audit]",
            )
        ) from error


def portray(audit: "Audit") -> AuditStatus:
    """What the page for people shows of it."""
    reading, problems = audit.reading(), audit.failing_sinks
    known = reading.log
    return AuditStatus(
        public_key=audit.public_key,
        writer=reading.writer,
        available=reading.available,
        blocked=reading.blocked,
        problem=audit.problem,
        records=known.records if known else None,
        gaps=known.gaps if known else None,
        newest_event=known.newest_event if known else None,
        last_success=known.last_success if known else None,
        last_checkpoint=known.last_checkpoint if known else None,
        sinks=tuple(
            SinkStatus(
                name=name,
                backlog=sink.backlog,
                oldest_unsent=sink.oldest_unsent,
                dead_letters=sum(sink.dead_letters.values()),
                problem=problems.get(name),
            )
            for name, sink in (known.sinks if known else {}).items()
        ),
    )
