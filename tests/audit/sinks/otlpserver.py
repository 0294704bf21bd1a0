"""A receiver of OTLP/HTTP on a real socket, which decodes by the official protobuf definitions."""

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.answering import Quiet, answering

PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True)
class Told:
    """One answer, instead of taking the request."""

    status: int
    body: bytes = b""
    kind: str = PROTOBUF
    headers: Mapping[str, str] = field(default_factory=dict)


def partial(rejected: int, message: str = "no") -> Told:
    """The answer to a request of which so many log records were rejected."""
    said = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return Told(200, ExportLogsServiceResponse(partial_success=said).SerializeToString())


@dataclass
class Receiver:
    url: str = ""
    answers: list[Told] = field(default_factory=list)
    always: Told | None = None
    most: int = 10**9
    """Log records in one request; more are answered 413."""
    requests: list[ExportLogsServiceRequest] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Told:
        self.paths.append(path)
        self.headers.append(headers)
        if self.answers:
            return self.answers.pop(0)
        if self.always is not None:
            return self.always
        assert (headers["content-type"], headers["content-encoding"]) == (PROTOBUF, "gzip")
        request = ExportLogsServiceRequest.FromString(gzip.decompress(body))
        if len(_records(request)) > self.most:
            return Told(413)
        self.requests.append(request)
        return Told(200)

    @property
    def records(self) -> list[LogRecord]:
        return [record for request in self.requests for record in _records(request)]

    @property
    def uids(self) -> list[str]:
        return [str(attributes(record.attributes)["log.record.uid"]) for record in self.records]


def _records(request: ExportLogsServiceRequest) -> list[LogRecord]:
    return [r for logs in request.resource_logs for s in logs.scope_logs for r in s.log_records]


def attributes(found: Any) -> dict[str, str | int | bool]:
    """The attributes of a log record or a resource as plain values; none may stand twice."""
    pairs: list[KeyValue] = list(found)
    assert len({pair.key for pair in pairs}) == len(pairs)
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    return getattr(value, str(value.WhichOneof("value")))


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body of an answer go separately

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            told = kept.take(self.path, names, body)
            self.send_response(told.status)
            if told.kind:
                self.send_header("Content-Type", told.kind)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

    with answering(Handler) as url:
        kept.url = url
        yield kept
