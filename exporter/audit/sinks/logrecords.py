"""Records as OpenTelemetry log records, by the official protobuf definitions.

The line is the body, so that any backend keeps the record whole; ids are attributes.
``log.record.uid`` says of two log records with the same value that one may go (OpenTelemetry
semantic conventions, "General logs attributes"): what comes twice is told by it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.audit.record import Entry, Kind
from exporter.audit.sinks.contract import Line

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

SERVICE = "flatfile-exporter"
SCOPE = "exporter.audit"


def request(
    entries: Sequence[Entry], line: Line, resource: Mapping[str, str]
) -> "ExportLogsServiceRequest":
    """One request with one resource; ``resource`` is further attributes of that."""
    from opentelemetry.proto.collector.logs.v1 import (  # noqa: PLC0415 - only whoever uses this sink needs it
        logs_service_pb2,
    )

    made = logs_service_pb2.ExportLogsServiceRequest()
    logs = made.resource_logs.add()
    about = {"service.name": SERVICE, "service.version": __version__, **resource}
    logs.resource.attributes.extend(_attributes(about))
    scope = logs.scope_logs.add()
    scope.scope.name, scope.scope.version = SCOPE, __version__
    scope.log_records.extend(_log_record(entry, line) for entry in entries)
    return made


def _log_record(entry: Entry, line: Line) -> "LogRecord":
    from opentelemetry.proto.logs.v1 import logs_pb2  # noqa: PLC0415 - only whoever uses this sink

    record = entry.record
    gap = record["kind"] == Kind.GAP
    made = logs_pb2.LogRecord(
        time_unix_nano=_nanoseconds(entry.at),
        observed_time_unix_nano=_nanoseconds(entry.recorded),
        severity_number=(logs_pb2.SEVERITY_NUMBER_WARN if gap else logs_pb2.SEVERITY_NUMBER_INFO),
        severity_text="WARN" if gap else "INFO",
        event_name=f"flatfile.{record['topic'].replace(':', '.')}",
    )
    made.body.string_value = line(entry).decode()
    made.attributes.extend(_attributes(_facts(entry)))
    return made


def _facts(entry: Entry) -> dict[str, str | int | bool | None]:
    record = entry.record
    actor = record.get("actor") or {}
    environment = record.get("environment") or {}
    space = record.get("space") or {}
    return {
        "log.record.uid": entry.uid,
        "flatfile.event.id": entry.uid,
        "flatfile.sequence": entry.sequence,
        "flatfile.hash": entry.hash,
        "flatfile.kind": record["kind"],
        "flatfile.topic": record["topic"],
        "flatfile.late": record["late"],
        "flatfile.environment.id": environment.get("id"),
        "flatfile.environment.name": environment.get("name"),
        "flatfile.space.id": space.get("id"),
        "flatfile.space.name": space.get("name"),
        "flatfile.actor.id": actor.get("id"),
        "flatfile.actor.kind": actor.get("kind"),
    }


def _attributes(values: Mapping[str, str | int | bool | None]) -> "list[KeyValue]":
    from opentelemetry.proto.common.v1 import common_pb2  # noqa: PLC0415 - only whoever uses this sink

    made = []
    for key, value in values.items():
        match value:
            case bool():
                kept = common_pb2.AnyValue(bool_value=value)
            case int():
                kept = common_pb2.AnyValue(int_value=value)
            case str():
                kept = common_pb2.AnyValue(string_value=value)
            case _:
                continue
        made.append(common_pb2.KeyValue(key=key, value=kept))
    return made


def _nanoseconds(at: float) -> int:
    """Times are exact to a millisecond; none is before 1970, where the type begins."""
    return max(0, round(at * 1_000)) * 1_000_000
