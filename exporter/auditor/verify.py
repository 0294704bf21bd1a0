"""``audit verify``: says what was proven, or names the first record that is wrong."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from exporter.audit import head_file
from exporter.audit import verify as proving
from exporter.audit.place import Place
from exporter.audit.store.database import HEAD_FILE
from exporter.audit.store.seal import SignedHead
from exporter.audit.store.times import iso
from exporter.auditor.lines import Prover
from exporter.auditor.opening import reading as opened
from exporter.auditor.streams import Streams
from exporter.errors import StorageFailed, Unproven

_HEX = re.compile(r"[0-9a-f]{64}")
_SIZE = 64 * 1024  # bytes; more is no key
_OFTEN = 10_000  # records between two looks at the progress


def verify(place: Place, public: Path | None, head: Path | None, streams: Streams) -> int:
    """Prove the store, by a key and a head that were kept elsewhere if they are given.

    Raises StorageFailed, and Unproven with the first record that is wrong.
    """
    key = None if public is None else public_key(public)
    # Before the log is opened: what the daemon writes may be behind the log and is never ahead.
    elsewhere = _read(head) if head else _newest(place.heads)
    beside = _newest([place.folder / HEAD_FILE])
    with opened(place) as connection:
        verdict = proving.verify(
            connection,
            public_key=key,
            head=elsewhere or beside,
            beside=beside,  # a head from elsewhere may be an old one, and hides nothing newer
            progress=lambda sequence: _show(sequence, streams),
        )
    streams.progress("")
    if not verdict.ok:
        raise Unproven(_where(verdict.sequence, verdict.uid) + verdict.problem)
    times = ["" if at is None else iso(at) for at in (verdict.first_at, verdict.last_at)]
    _say(
        streams,
        records=_span(verdict.records, verdict.first, verdict.last, times),
        checkpoints=f"{verdict.checkpoints:,}",
        tombstones=f"{verdict.tombstones:,}",
        **_key(verdict.public),
        head=f"{verdict.last:,} {verdict.hash}",
    )
    # Who can change the log can change what lies in its folder, too.
    trusted = (*([] if key else [proving.OWN_KEY]), proving.OWN_HEAD)
    for note in verdict.notes if elsewhere else trusted:
        streams.say(_row("note", note))
    return 0


def verify_files(
    files: Sequence[Path], public: Path | None, head: Path | None, streams: Streams
) -> int:
    """Prove files of native lines, in the order given, as one log.

    Raises StorageFailed, and Unproven with the first line that is wrong.
    """
    signed = None if head is None else _read(head)
    key = None if public is None else public_key(public)
    if signed is not None and not signed.signed_by(key or signed.public):
        raise Unproven(f"{head} is not signed by {key or signed.public}")
    with ExitStack() as stack:
        proof = Prover(signed).prove(_lines(files, stack))
    if proof.problem:
        raise Unproven(proof.problem)
    met = signed is not None and signed.sequence >= proof.first
    _say(
        streams,
        records=_span(proof.records, proof.first, proof.last, [proof.since, proof.until]),
        repeated=f"{proof.repeated:,} lines",
        **_key(signed.public if signed and met else None),
        head=f"{proof.last:,} {proof.hash}",
    )
    if proof.first > 1:
        streams.say(_row("note", f"what came before record {proof.first:,} is not in these files"))
    if signed is None:
        streams.say(_row("note", "without --head a cut end, or a log made anew, cannot be told"))
    elif not met:
        before = f"the signed head is of record {signed.sequence:,}, before these files"
        streams.say(_row("note", f"{before}: it proves nothing of them"))
    streams.say(_row("note", "names and addresses beside the records are proven by the store only"))
    return 0


def public_key(path: Path) -> str:
    """The public half as 64 hexadecimal digits, of a file that holds these or PEM (SPKI).

    Raises StorageFailed.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_SIZE)
    except OSError as error:
        raise StorageFailed(f"the key {path} cannot be read: {error.strerror or error}") from error
    text = content.decode("ascii", "replace").strip().lower()
    if _HEX.fullmatch(text):
        return text
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise StorageFailed(
            f"{path} holds no public Ed25519 key; give it as PEM (openssl pkey -pubout) or as 64 "
            "hexadecimal digits"
        )
    return key.public_bytes_raw().hex()


def _newest(paths: Iterable[Path]) -> SignedHead | None:
    """Of the signed heads that the daemon writes."""
    found = [signed for path in paths if (signed := head_file.read(path)) is not None]
    return max(found, key=lambda signed: signed.sequence, default=None)


def _read(path: Path) -> SignedHead:
    signed = head_file.read(path)
    if signed is None:
        raise StorageFailed(f"there is no {path}; name a file that a signed head was kept in")
    return signed


def _lines(files: Sequence[Path], stack: ExitStack) -> Iterator[bytes]:
    for path in files:
        try:
            file = stack.enter_context(path.open("rb"))
            yield from file
        except OSError as error:
            raise StorageFailed(f"{path} cannot be read: {error.strerror or error}") from error


def _where(sequence: int | None, uid: str | None) -> str:
    if sequence is None:
        return ""
    return f"record {sequence}{f' ({uid})' if uid else ''}: "


def _show(sequence: int, streams: Streams) -> None:
    if sequence % _OFTEN == 0:
        streams.progress(f"{sequence:,} records are proven")


def _span(records: int, first: int, last: int, times: Sequence[str]) -> str:
    if not records:
        return "none"
    return f"{records:,}, from {first:,} ({times[0]}) to {last:,} ({times[1]})"


def _key(public: str | None) -> dict[str, str]:
    if public is None:
        return {}
    return {"key": public, "fingerprint": f"SHA256:{sha256(bytes.fromhex(public)).hexdigest()}"}


def _say(streams: Streams, **facts: str) -> None:
    streams.say(_row("proven", "ok"))
    for name, fact in facts.items():
        streams.say(_row(name, fact))


def _row(name: str, fact: str) -> str:
    return f"{name:<12} {fact}"
