"""Certificates and keys: from a file or inline, looked at before OpenSSL is.

OpenSSL's own messages do not say which of several files is wrong, and for a passphrase it would
ask at the terminal.
"""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import Mistake
from exporter.web.guard.document import Tls
from exporter.web.guard.entry import Entry
from exporter.web.guard.files import Content, Unreadable

_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Pem:
    """``path`` is None for what stands in the configuration itself."""

    entry: Entry
    text: str = field(repr=False)
    path: Path | None

    @contextmanager
    def name(self) -> Iterator[str]:
        """A name under which OpenSSL, which takes nothing but files, finds it meanwhile."""
        if self.path is not None:
            yield str(self.path)
            return
        # In memory, so that an inline key never lies on a disk.
        descriptor = os.memfd_create("pem")
        try:
            with os.fdopen(descriptor, "w", encoding="latin-1", closefd=False) as memory:
                memory.write(self.text)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)

    @property
    def certificates(self) -> str:
        """The blocks alone: around them there may be comments in any language."""
        return "\n".join(_BLOCK.findall(self.text))


@dataclass(frozen=True, slots=True)
class Pems:
    """What ``tls`` names. ``read`` raises Unreadable; ``whole`` is the configuration's own file."""

    tls: Tls
    folder: Path
    whole: Content
    read: Callable[[Path], Content]
    mistakes: list[Mistake]
    notes: list[str]

    def certificate(self, name: str, *, required: bool = False) -> Pem | None:
        """One or several; None if it is absent or wrong, and then it is among the mistakes."""
        found = self._either(name, required=required)
        if found is None:
            return None
        pem, _ = found
        if not pem.certificates:
            self._wrong(pem.entry, "holds no certificate (PEM)")
            return None
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=pem.certificates)
        except ssl.SSLError:
            self._wrong(pem.entry, "holds a certificate (PEM) that cannot be read")
            return None
        return pem

    def key(self) -> Pem | None:
        found = self._either("key", required=True)
        if found is None:
            return None
        pem, content = found
        flaw = ""
        if "PRIVATE KEY-----" not in pem.text:
            flaw = "holds no private key (PEM)"
        elif "ENCRYPTED" in pem.text:
            flaw = "is encrypted; there is nobody to ask for its passphrase"
        if flaw:
            self._wrong(pem.entry, flaw)
            return None
        if content.open_to_others:
            self.notes.append(
                pem.entry.note("other users of this machine may read the private key; chmod o-r")
            )
        return pem

    def _either(self, name: str, *, required: bool) -> tuple[Pem, Content] | None:
        inline, file = self.tls.texts.get(name), self.tls.texts.get(f"{name}_file")
        if inline and file:
            self._wrong(inline, f"is given together with {name}_file; keep one of them")
        elif inline:
            return Pem(inline, inline.text, None), self.whole
        elif file:
            path = self.folder / file.text
            try:
                content = self.read(path)
            except Unreadable as error:
                self._wrong(file, str(error))
            else:
                return Pem(file, content.data.decode("latin-1"), path), content
        elif required:
            absent = Entry(f"{self.tls.here.setting}.{name}_file", self.tls.here.origin, "")
            self._wrong(absent, f"is missing; name a file (PEM), or write the PEM itself as {name}")
        return None

    def _wrong(self, entry: Entry, message: str) -> None:
        self.mistakes.append(entry.mistake(message))
