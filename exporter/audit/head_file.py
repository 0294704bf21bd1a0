"""The newest signed head in a file apart from the store.

Whoever puts an older copy of the store in the place of the newer one has to find this file, too;
best it lies on another disk or is copied away. After a kill it may be behind the store, and it is
never ahead of it.
"""

import json
import os
import tempfile
from pathlib import Path

from exporter.audit.store.seal import SignedHead
from exporter.errors import StorageFailed

_SIZE = 64 * 1024  # bytes; more is no head
_TEXTS = ("hash", "log")


def write(path: Path, signed: SignedHead) -> None:
    """Replace the file at once and for good. Raises StorageFailed."""
    text = json.dumps(
        {
            "head": signed.payload.decode(),
            "signature": signed.signature.hex(),
            "public": signed.public,
        },
        indent=2,
    )
    try:
        _replace(path, text + "\n")
    except OSError as error:
        raise StorageFailed(
            f"the signed head cannot be written to {path}: {error.strerror or error}; "
            "make its folder writable, or name another file"
        ) from error


def read(path: Path) -> SignedHead | None:
    """What stands there; None if there is no such file. Raises StorageFailed."""
    try:
        with path.open("rb") as file:
            return _signed(file.read(_SIZE))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageFailed(
            f"the signed head {path} cannot be read: {error.strerror or error}; "
            "make it readable for this user, or name another file"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise StorageFailed(
            f"{path} holds no signed head; restore it, or move it away if it never was one"
        ) from error


def _signed(text: bytes) -> SignedHead:
    found = json.loads(text)
    signed = SignedHead(
        payload=found["head"].encode(),
        signature=bytes.fromhex(found["signature"]),
        public=str(found["public"]),
    )
    said = signed.said
    if said["statement"] != "head":
        raise ValueError("it is another statement")
    # Asked for before the signature is looked at, to tell which of several is the newest.
    if type(said["sequence"]) is not int or not all(isinstance(said[n], str) for n in _TEXTS):
        raise ValueError("it does not say of which record it is")
    return signed


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)  # nothing in it is secret, and others shall copy it
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # the renaming itself must survive a power cut
    finally:
        os.close(folder)
