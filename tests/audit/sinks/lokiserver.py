"""A receiver on a real socket that behaves as Loki documents, with its limits as they are shipped.

Written after Loki's documentation ("HTTP API", "Configuration", "Accept out-of-order writes") and
the texts of its errors. As there: each entry is judged by itself, the good ones of a push are kept
also where it is answered 400, and how far behind an entry is counts within its own stream.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.answering import Quiet, answering

HOUR = 3600 * 10**9
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Kept:
    """``at`` is nanoseconds."""

    labels: Mapping[str, str]
    at: int
    line: str
    metadata: Mapping[str, str]

    @property
    def uid(self) -> str:
        return str(json.loads(self.line)["uid"])


@dataclass
class Loki:
    """``now`` (Unix seconds) is its clock; ``answers`` come before any judgement, one a push."""

    now: float
    url: str = ""
    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    always: tuple[int, str] | None = None
    structured_metadata: bool = True
    max_line: int = 256 * 1024
    kept: list[Kept] = field(default_factory=list)
    pushes: list[Mapping[str, str]] = field(default_factory=list)
    """The headers of each, names in lower case."""
    largest: int = 0
    """Entries in one push."""
    _newest: dict[Labels, int] = field(default_factory=dict)

    @property
    def streams(self) -> set[Labels]:
        return set(self._newest)

    def push(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], str]:
        self.pushes.append(headers)
        if self.answers:
            return self.answers.pop(0)
        if self.always:
            return (self.always[0], {}, self.always[1])
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if headers.get("content-type") != "application/json":
            return (400, {}, "unsupported content type")
        problems: list[str] = []
        for stream in json.loads(body)["streams"]:
            problems += self._stream(stream)
        return (400, {}, "\n".join(problems)) if problems else (204, {}, "")

    def _stream(self, stream: Any) -> Iterator[str]:
        labels: dict[str, str] = stream["stream"]
        name = "{" + ", ".join(f'{k}="{v}"' for k, v in sorted(labels.items())) + "}"
        if not labels:
            yield "error at least one label pair is required per stream"
            return
        values = stream["values"]
        self.largest = max(self.largest, len(values))
        assert [v[0] for v in values] == sorted(v[0] for v in values), "not sorted by time"
        key = frozenset(labels.items())
        for text, line, *metadata in values:
            at = int(text)
            problem = self._judge(name, at, line, metadata)
            newest = self._newest.get(key)
            if problem is None and newest is not None and at < newest - HOUR:
                problem = (
                    f"entry with timestamp {_time(at)} ignored, reason: 'entry too far behind, entry"
                    f" timestamp is: {_time(at)}, oldest acceptable timestamp is:"
                    f" {_time(newest - HOUR)}',\nuser 'fake', total ignored: 1 out of"
                    f" {len(values)} for stream: {name}"
                )
            if problem is not None:
                yield problem
                continue
            self._newest[key] = max(newest or 0, at)
            self.kept.append(Kept(labels, at, line, metadata[0] if metadata else {}))

    def _judge(self, name: str, at: int, line: str, metadata: list[Any]) -> str | None:
        oldest, latest = (int((self.now + s) * 1e9) for s in (-168 * 3600, 600))
        if at < oldest:
            return (
                f"entry for stream '{name}' has timestamp too old: {_time(at)}, oldest acceptable"
                f" timestamp is: {_time(oldest)}"
            )
        if at > latest:
            return f"entry for stream '{name}' has timestamp too new: {_time(at)}"
        if len(line) > self.max_line:
            return (
                f"Max entry size '{self.max_line}' bytes exceeded for stream '{name}' while adding"
                f" an entry with length '{len(line)}' bytes"
            )
        if metadata and not self.structured_metadata:
            return (
                f"stream '{name}' includes structured metadata, but this feature is disallowed."
                " Please see `limits_config.allow_structured_metadata` or contact your Loki"
                " administrator to enable it."
            )
        return None


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()


@contextmanager
def loki(now: float) -> Iterator[Loki]:
    kept = Loki(now)

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body of an answer go separately

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers, text = 404, dict[str, str](), ""
            if self.path == "/loki/api/v1/push":
                names = {name.lower(): value for name, value in self.headers.items()}
                status, headers, text = kept.push(names, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            content = text.encode() if status != 204 else b""
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with answering(Handler) as url:
        kept.url = url
        yield kept
