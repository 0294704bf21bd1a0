"""What is in force, put together from the file and the files that it names."""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import ConfigurationError, Mistake
from exporter.web.guard.clients import Clients, clients
from exporter.web.guard.context import Making
from exporter.web.guard.document import Document, RateLimit, parse
from exporter.web.guard.entry import origin
from exporter.web.guard.files import Content, Stamp, Unreadable, read
from exporter.web.guard.pem import Pems


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """``tls`` is None for plain HTTP; ``users`` are bcrypt hashes by name, none for everybody.

    ``headers`` go with every answer; ``notes`` are lines for the log.
    """

    tls: ssl.SSLContext | None = None
    clients: Clients = field(default_factory=Clients)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    users: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    rate_limit: RateLimit | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """``stamps`` are of every file that was read, ``digest`` of all that they held."""

    protection: Protection
    stamps: Mapping[Path, Stamp]
    digest: bytes


def load(path: Path) -> Loaded:
    """Raises ConfigurationError with every mistake in the file and in those that it names."""
    reading = _Reading()
    try:
        whole = reading.read(path)
    except Unreadable as error:
        raise ConfigurationError(Mistake("web.config.file", origin(path), str(error))) from None
    mistakes: list[Mistake] = []
    document = parse(whole.data, path, mistakes)
    notes = list(document.notes)
    tls, admitted = None, Clients()
    if document.tls is not None:
        pems = Pems(document.tls, path.parent, whole, reading.read, mistakes, notes)
        tls = Making(document.tls, document.http2, pems, mistakes, notes).make()
        admitted = clients(document.tls, pems, tls)
    if mistakes:
        raise ConfigurationError(*mistakes)
    protection = Protection(
        tls=tls,
        clients=admitted,
        headers=_encoded(document),
        users={name.encode(): hash_.encode() for name, hash_ in document.users.items()},
        rate_limit=document.rate_limit,
        notes=tuple(notes),
    )
    return Loaded(protection, reading.stamps, reading.digest())


def _encoded(document: Document) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in document.headers)


@dataclass
class _Reading:
    """The files that are read, remembered."""

    stamps: dict[Path, Stamp] = field(default_factory=dict)
    _sum: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def read(self, path: Path) -> Content:
        content = read(path)
        self.stamps[path] = content.stamp
        self._sum.update(len(content.data).to_bytes(8, "big") + content.data)
        return content

    def digest(self) -> bytes:
        return self._sum.digest()
