"""From settings to sinks. What a sink needs is imported only where that sink is on."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from exporter.audit.formats import FORMATS
from exporter.audit.place import LINES_FILE
from exporter.audit.sinks.contract import Sink
from exporter.audit.sinks.credentials import Headers, basic, bearer, listed, nothing
from exporter.audit.sinks.posting import Post
from exporter.errors import ConfigurationError, Mistake
from exporter.settings.audit import Audit, LokiSink, OtlpSink, PostgresqlSink
from exporter.settings.secrets import SecretSource, secret_source

_TIMEOUT = 20.0  # seconds for one request; the delivery has a longer one for a whole batch


def sinks(settings: Audit, folder: Path, wall: Callable[[], float]) -> tuple[Sink, ...]:
    """Those that are on, not opened yet; ``wall`` gives Unix seconds.

    Raises ConfigurationError for what only shows now.
    """
    return tuple(_sinks(settings, folder, wall))


def _sinks(settings: Audit, folder: Path, wall: Callable[[], float]) -> Iterator[Sink]:
    on = settings.sink
    if on.file.enabled:
        from exporter.audit.sinks.file import FileSink  # noqa: PLC0415 - only where it is on
        from exporter.audit.sinks.rotation import Rotation  # noqa: PLC0415 - only whoever uses this sink

        rotation = Rotation(max_size=on.file.max_size, max_age=on.file.max_age, keep=on.file.keep)
        path = on.file.path or folder / LINES_FILE
        yield FileSink(path, FORMATS[on.file.format], rotation=rotation, wall=wall)
    if on.stdout.enabled:
        from exporter.audit.sinks.stdout import StdoutSink  # noqa: PLC0415 - only where it is on

        # The next file that is opened would get its number: the store, as it happens.
        if sys.__stdout__ is None:
            why = "there is no standard output: it was closed; switch this off, or leave it open"
            raise ConfigurationError(Mistake("audit.sink.stdout", "configuration", why))
        yield StdoutSink(FORMATS[on.stdout.format])
    if on.postgresql.enabled:
        yield _postgresql(on.postgresql)
    if on.loki.enabled:
        yield _loki(on.loki, wall)
    if on.otlp.enabled:
        yield _otlp(on.otlp, wall)


def _postgresql(settings: PostgresqlSink) -> Sink:
    from exporter.audit.sinks.postgresql import (  # noqa: PLC0415 - only where it is on
        PostgresqlSink as Table,
    )

    here = "audit.sink.postgresql"
    dsn = _secret(f"{here}.dsn", settings.dsn, settings.dsn_file)
    try:
        return Table(dsn, name=settings.table)
    except ValueError as error:
        raise ConfigurationError(Mistake(f"{here}.table", "configuration", str(error))) from error


def _loki(settings: LokiSink, wall: Callable[[], float]) -> Sink:
    from exporter.audit.sinks import loki  # noqa: PLC0415 - only where it is on

    here = "audit.sink.loki"
    headers: Headers = nothing
    if settings.password or settings.password_file:
        password = _secret(f"{here}.password", settings.password, settings.password_file)
        headers = basic(settings.username, password) if settings.username else bearer(password)
    url = loki.push_url(settings.url or "")
    post = Post(
        "Loki",
        here,
        url,
        headers=headers,
        timeout=_TIMEOUT,
        wall=wall,
        ca_file=settings.ca_file,
    )
    return loki.LokiSink(
        post,
        FORMATS[settings.format],
        wall=wall,
        labels={**loki.LABELS, **dict(settings.labels)},
        tenant=settings.tenant,
        structured_metadata=settings.metadata,
        window=replace(loki.WINDOW, oldest=settings.max_age),
    )


def _otlp(settings: OtlpSink, wall: Callable[[], float]) -> Sink:
    from exporter.audit.sinks import otlp  # noqa: PLC0415 - only where it is on

    here = "audit.sink.otlp"
    headers: Headers = nothing
    if settings.headers or settings.headers_file:
        headers = listed(_secret(f"{here}.headers", settings.headers, settings.headers_file))
    url = otlp.logs_url(settings.url or "")
    post = Post(
        "the OTLP endpoint",
        here,
        url,
        headers=headers,
        timeout=_TIMEOUT,
        wall=wall,
        ca_file=settings.ca_file,
    )
    return otlp.OtlpSink(post, FORMATS[settings.format])


def _secret(setting: str, value: SecretStr | None, file: Path | None) -> SecretSource:
    found = secret_source(f"{setting}-file", value, file)
    if found is None:
        raise ConfigurationError(Mistake(setting, "configuration", "is not given; give it"))
    return found
