"""The settings of the audit log and of its sinks."""

from pathlib import Path
from typing import Annotated

from pydantic import SecretStr

from exporter.settings.durations import seconds
from exporter.settings.kinds import Choice, Credential, Kind, Lasting, Number, Secret, Switch
from exporter.settings.paths import FileName, Folder, Regular, SecretFile
from exporter.settings.places import Labels, Names, Url
from exporter.settings.section import AtRestart, Named, Section
from exporter.settings.sizes import Size, size

FORMATS = ("native", "ocsf", "ecs")

Enabled = Annotated[bool, Switch(), Named(""), AtRestart()]
Format = Annotated[str, Choice(FORMATS), AtRestart()]


class FileSink(Section):
    """Rotating JSON lines, for whatever tails files."""

    enabled: Enabled = False
    """Write records to a file, a JSON object a line."""

    path: Annotated[Path | None, FileName(), AtRestart()] = None
    """The file. Unless set, `flatfile-audit.jsonl` in the folder of the audit log. Mode 0600."""

    max_size: Annotated[int, Size("64KiB", "1TiB"), AtRestart()] = size("100MiB")
    """Size from which the file is rotated. What forwarders read in a minute or two."""

    max_age: Annotated[float, Lasting("1m", "366d"), AtRestart()] = seconds("1d")
    """Age from which the file is rotated, in whole periods since 1970 UTC: with a day at midnight,
    so that a quiet account has a file for each day."""

    keep: Annotated[int, Number(0, 100_000), AtRestart()] = 30
    """Rotated files that are kept; 0 for all. A month: the store itself forgets nothing by it."""

    format: Format = "native"
    """In which words a record is told."""


class StdoutSink(Section):
    """Standard output, for containers."""

    enabled: Enabled = False
    """Write records to standard output, a JSON object a line. The log is on standard error."""

    format: Format = "native"
    """In which words a record is told."""


class PostgresqlSink(Section):
    """A table: the place for several machines and years of history."""

    enabled: Enabled = False
    """Insert records into a table of PostgreSQL."""

    dsn: Annotated[SecretStr | None, Secret(), AtRestart()] = None
    """Where, as a URL: `postgresql://user:password@host:5432/database?sslmode=verify-full`."""

    dsn_file: Annotated[Path | None, SecretFile(), AtRestart()] = None
    """File that holds the DSN; read again at each connection."""

    table: Annotated[str, Kind(), AtRestart()] = "flatfile_audit"
    """Table, with a schema before a dot if need be. Created if it is not there."""


class LokiSink(Section):
    """Grafana Loki's push API."""

    enabled: Enabled = False
    """Push records to Loki."""

    url: Annotated[str | None, Url(), AtRestart()] = None
    """Base URL of Loki; `/loki/api/v1/push` is added if it is missing."""

    tenant: Annotated[str | None, Kind(), AtRestart()] = None
    """Tenant, sent as `X-Scope-OrgID`."""

    username: Annotated[str | None, Credential(), AtRestart()] = None
    """User name for basic authentication; the password then belongs to it."""

    password: Annotated[SecretStr | None, Secret(), AtRestart()] = None
    """Password, or a bearer token if there is no user name."""

    password_file: Annotated[Path | None, SecretFile(), AtRestart()] = None
    """File that holds the password; read again when it changes."""

    ca_file: Annotated[Path | None, Regular(), AtRestart()] = None
    """Certificates (PEM) to trust beside the system's."""

    labels: Annotated[tuple[tuple[str, str], ...], Labels(), AtRestart()] = ()
    """Further constant labels of every stream: `team=imports`. Few: each one more value of a
    label is one more stream."""

    metadata: Annotated[bool, Switch(), AtRestart()] = True
    """Send ids as structured metadata. Off for a Loki before 3.0, or a schema before v13."""

    max_age: Annotated[float, Lasting("1h", "36500d"), AtRestart()] = seconds("7d")
    """Age from which Loki refuses a record (its `reject_old_samples_max_age`): such records
    become dead letters at once."""

    format: Format = "native"
    """In which words a record is told."""


class OtlpSink(Section):
    """OpenTelemetry logs over HTTP, for any backend that understands OTLP."""

    enabled: Enabled = False
    """Send records as OpenTelemetry logs."""

    url: Annotated[str | None, Url(), AtRestart()] = None
    """Endpoint; `/v1/logs` is added if it is missing."""

    headers: Annotated[SecretStr | None, Secret(), AtRestart()] = None
    """Further headers, `name=value,name=value`, as `OTEL_EXPORTER_OTLP_HEADERS` has them."""

    headers_file: Annotated[Path | None, SecretFile(), AtRestart()] = None
    """File that holds those headers; read again when it changes."""

    ca_file: Annotated[Path | None, Regular(), AtRestart()] = None
    """Certificates (PEM) to trust beside the system's."""

    format: Format = "native"
    """In which words the body of a log record is told."""


class Sinks(Section):
    """Where records go besides the store."""

    file: FileSink = FileSink()
    stdout: StdoutSink = StdoutSink()
    postgresql: PostgresqlSink = PostgresqlSink()
    loki: LokiSink = LokiSink()
    otlp: OtlpSink = OtlpSink()


class Audit(Section):
    """The audit log: every event of the account, joined with who did it, kept to be proven."""

    enabled: Enabled = False
    """Keep the audit log. Off: it holds names of people, and somebody has to want that."""

    path: Annotated[Path | None, Folder(), AtRestart()] = None
    """Folder of the audit log. Unless set, `audit` in `storage.path`."""

    interval: Annotated[float, Lasting("1s", "1h"), AtRestart()] = seconds("30s")
    """Time between two readings of the feed, a request or two each in a quiet account."""

    start: Annotated[float, Lasting("0s", "365d"), AtRestart()] = seconds("1h")
    """How far in the past a new log begins. For more there is `audit backfill`."""

    overlap: Annotated[float, Lasting("0s", "1d"), AtRestart()] = seconds("5m")
    """How far back each reading begins before what was read already: an event that becomes
    visible late is met, and is marked as late."""

    settle: Annotated[float, Lasting("0s", "10m"), AtRestart()] = seconds("10s")
    """How old an event has to be before it is recorded, so that those of the same moment can be
    put in order."""

    personal_data: Annotated[str, Choice(("plain", "pseudonymous")), AtRestart()] = "plain"
    """Whether names and e-mail addresses are kept beside the log and handed to sinks (`plain`), or
    only their keyed hashes anywhere (`pseudonymous`). The log itself never holds them."""

    payload_fields: Annotated[tuple[str, ...], Names(), AtRestart()] = ()
    """Further fields of payloads to keep; `*` for all. Values of records are customers' data:
    unless named here, they are never kept. Secrets are not kept in any case."""

    retention: Annotated[float | None, Lasting("1h", "36500d"), AtRestart()] = None
    """Age from which whole signed segments are pruned, once every sink has them; dead letters of
    that age go with them. Unless set, nothing is."""

    checkpoint_records: Annotated[int, Number(1, 1_000_000), AtRestart()] = 1000
    """Records after which a checkpoint is signed."""

    checkpoint_interval: Annotated[float, Lasting("1s", "1d"), AtRestart()] = seconds("5m")
    """Time after which a checkpoint is signed if there are new records."""

    signing_key_file: Annotated[Path | None, FileName(), AtRestart()] = None
    """Ed25519 private key (PEM) for checkpoints. Unless set, one is made in the folder of the
    audit log, with a warning: who can change the log can then sign it, too."""

    head_file: Annotated[Path | None, FileName(), AtRestart()] = None
    """Where the newest signed head is written; best on another disk or machine, since it shows
    that the whole log was not rolled back. Unless set, `head.json` in the folder."""

    backlog_limit: Annotated[int, Size("1MiB", "1TiB"), AtRestart()] = size("1GiB")
    """Bytes of records that may wait for the slowest sink; looked at between batches of up to 5,000
    events."""

    backlog_policy: Annotated[str, Choice(("block", "skip")), AtRestart()] = "block"
    """Beyond that: read no further (`block`, loudly, and nothing is lost while Flatfile keeps its
    events), or give the oldest up for that sink as dead letters (`skip`)."""

    sink: Sinks = Sinks()
