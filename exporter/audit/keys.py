"""The key that signs: Ed25519 (RFC 8032), in a file in PEM (PKCS #8, RFC 8410).

``openssl genpkey -algorithm ed25519`` makes the same file.
"""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Self

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.errors import StorageFailed

_SIZE = 64 * 1024  # bytes; more is no key

log = structlog.get_logger()


class SigningKey:
    """Signs, and shows nothing but its public half."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw().hex()
        """64 hexadecimal digits: whoever checks a signature needs them, from elsewhere."""

    @classmethod
    def load_or_make(cls, path: Path) -> Self:
        """Read the key, or make it (mode 0600) if there is no such file.

        Raises StorageFailed.
        """
        try:
            return cls._load(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _failed(path, error) from error
        try:
            _make(path)
            made = cls._load(path)
        except OSError as error:
            raise _failed(path, error) from error
        log.warning("audit_key_made", file=str(path), public=made.public)
        return made

    @classmethod
    def _load(cls, path: Path) -> Self:
        with path.open("rb") as file:
            pem = file.read(_SIZE)
            open_to_others = os.fstat(file.fileno()).st_mode & 0o077
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise StorageFailed(
                f"{path} holds no Ed25519 private key in PEM; restore it, or name another file"
            )
        if open_to_others:
            log.warning("audit_key_open_to_others", file=str(path), fix="chmod 600")
        return cls(private)

    def sign(self, payload: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(payload)


def verify(public: str, payload: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is one of ``payload`` by the key whose public half is ``public``."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    """Write a new key whole or not at all; one that another process just made is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(name)  # unlike a renaming, it never replaces
    finally:
        Path(name).unlink()


def _failed(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        f"the signing key {path} cannot be used: {error.strerror or error}; "
        "make it readable for this user, or name another file"
    )
