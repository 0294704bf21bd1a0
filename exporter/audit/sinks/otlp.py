"""The sink ``otlp``: OpenTelemetry's logs over HTTP (OTLP specification, "OTLP/HTTP").

Chosen where the specification leaves no good choice:

* A partial success says how many log records were rejected, not which, and must not be sent
  again: all of that request become dead letters (``partial_success``), since any of them may be
  missing there. Requests are small for that reason. Sent again on an operator's word, what comes
  twice has the same ``log.record.uid``.
* Statuses that must not be retried make dead letters, but for those by which not this data but
  the endpoint or the credential is wrong (401, 403, 404, 405, 407, 410, redirects): no data was
  judged there, and to drop evidence because a token has expired would be absurd.
* 413 must not be answered with the same request: halves are other ones.
"""

import asyncio
import gzip
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from exporter.audit.record import Entry
from exporter.audit.sinks import logrecords
from exporter.audit.sinks.contract import Line, Rejected
from exporter.audit.sinks.posting import Answer, Post, unavailable
from exporter.audit.sinks.progress import Progress
from exporter.errors import SinkRefused

PARTIAL = "partial_success"
BAD = "bad_request"
TOO_LARGE = "too_large"
SERVER = "server_error"
REFUSED = "refused"

PATH = "/v1/logs"
LARGEST = 1024 * 1024
"""Bytes of records in one request; receivers take 20 MiB (specification, "OTLP/HTTP Request")."""
MOST = 200
"""Records in one request."""

_LATER = frozenset({429, 502, 503, 504})  # specification, "Retryable Response Codes"
_REASONS = {400: BAD, 413: TOO_LARGE}
_PROTOBUF = "application/x-protobuf"


def logs_url(endpoint: str) -> str:
    """Where to post to, given an endpoint with or without the path."""
    return endpoint if endpoint.endswith(PATH) else endpoint.rstrip("/") + PATH


class OtlpSink:
    name = "otlp"
    reasons: Collection[str] = (PARTIAL, BAD, TOO_LARGE, SERVER, REFUSED)

    def __init__(
        self, post: Post, line: Line, *, resource: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """``resource`` is attributes of the resource beside service.name and service.version."""
        self._post = post
        self._line = line
        self._resource = resource
        self._progress = Progress()

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        for lot in _lots(self._progress.lacking(entries)):
            await self._send(lot)
        return self._progress.finish(entries)

    async def aclose(self) -> None:
        await self._post.aclose()

    async def _send(self, entries: Sequence[Entry]) -> None:
        loop = asyncio.get_running_loop()
        try:
            body = await loop.run_in_executor(None, self._packed, entries)
        except ImportError:
            raise SinkRefused(
                "the package opentelemetry-proto is not installed; install flatfile-exporter[audit]"
            ) from None
        headers = {"Content-Type": _PROTOBUF, "Content-Encoding": "gzip"}
        reason = _reason(await self._post.send(body, headers))
        if reason is None:
            self._progress.took(entries)
        elif reason == TOO_LARGE and len(entries) > 1:
            middle = len(entries) // 2
            await self._send(entries[:middle])
            await self._send(entries[middle:])
        else:
            self._progress.refused({entry.sequence: reason for entry in entries})

    def _packed(self, entries: Sequence[Entry]) -> bytes:
        text = logrecords.request(entries, self._line, self._resource).SerializeToString()
        return gzip.compress(text, compresslevel=1, mtime=0)


def _lots(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    lot: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.body)
        if lot and (size > LARGEST or len(lot) == MOST):
            yield lot
            lot, size = [], len(entry.body)
        lot.append(entry)
    if lot:
        yield lot


def _reason(answer: Answer) -> str | None:
    """Why the request must not be sent again; None if it was taken whole.

    Raises SinkUnavailable, or SinkRefused if whoever answered is no receiver of OTLP.
    """
    if answer.status in _LATER:
        raise unavailable("the OTLP receiver", answer)
    if 200 <= answer.status < 300:  # noqa: PLR2004 - 200 by the specification; some say 202 or 204
        return PARTIAL if _rejected(answer) > 0 else None
    return _REASONS.get(answer.status) or (SERVER if answer.status >= 500 else REFUSED)  # noqa: PLR2004 - RFC 9110, 15.6


def _rejected(answer: Answer) -> int:
    """How many log records were rejected; raises SinkRefused for an answer of something else."""
    if not answer.body:
        return 0  # which is what an empty message is encoded as
    read = _READERS.get(answer.kind)
    amount = read(answer.body) if read else None
    if amount is None:
        raise SinkRefused(
            f"{answer.status} was answered, but not by a receiver of OTLP; check"
            " audit.sink.otlp.url"
        )
    return amount


def _of_protobuf(body: bytes) -> int | None:
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - only whoever uses this sink
    from opentelemetry.proto.collector.logs.v1 import (  # noqa: PLC0415 - only whoever uses this sink
        logs_service_pb2,
    )

    try:
        told = logs_service_pb2.ExportLogsServiceResponse.FromString(body)
    except DecodeError:
        return None
    return told.partial_success.rejected_log_records


def _of_json(body: bytes) -> int | None:
    """64-bit numbers are strings in it (protobuf's JSON mapping)."""
    try:
        told: Any = json.loads(body)
        partial = told.get("partialSuccess") or {}
        return int(partial.get("rejectedLogRecords") or 0)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


_READERS: Mapping[str, Callable[[bytes], int | None]] = {
    _PROTOBUF: _of_protobuf,
    "": _of_protobuf,
    "application/json": _of_json,
}
