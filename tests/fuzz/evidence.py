"""What the audit log reads back, from its own files and from those that were kept elsewhere."""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from io import BytesIO
from pathlib import Path

from exporter.audit import people
from exporter.audit.formats import FORMATS
from exporter.audit.joining import Options, drafts
from exporter.audit.keys import SigningKey
from exporter.audit.knowledge.memory import Memory
from exporter.audit.place import Place
from exporter.audit.store import chain, seal
from exporter.audit.store.checkpoints import checkpoint
from exporter.audit.store.database import FILE, HEAD_FILE
from exporter.audit.store.reading import entries
from exporter.audit.verify import verify
from exporter.auditor.lines import Prover
from exporter.auditor.streams import Streams
from exporter.auditor.verify import public_key
from exporter.auditor.verify import verify as proven
from exporter.errors import StorageFailed, Unproven
from exporter.flatfile import raw
from tests.audit.store.stage import KEY, NOW, PLAIN, draft, filled, opened
from tests.fuzz.promises import hold, overheard

_EDITS = 8  # in one store
_TABLES: Mapping[str, tuple[str, ...]] = {
    "record": ("sequence", "uid", "at", "recorded", "offset", "hash", "body"),
    "checkpoint": ("number", "payload", "signature"),
    "chain": ("log", "sequence", "hash", "offset", "public", "payload", "signature", "pruned"),
    "commitment": ("commitment", "plain"),
}


def records(content: bytes) -> None:
    """Raw events of a page, as records of the audit log in every format."""
    try:
        told = json.loads(content)
        items = told if isinstance(told, list) else [told]
        found = [event for event in map(raw.read, items) if event is not None]
    except (ValueError, RecursionError):
        return
    events = list({event.id: event for event in found}.values())
    with opened() as log:
        made = drafts(
            log, events, late_before=NOW, source="feed", now=NOW, options=Options(), memory=Memory()
        )
        kept = chain.append(log, made, now=NOW)
        hold(kept.records == len(events), "each event is a record")
        seal.sign(log, KEY, NOW)
        verdict = verify(log, public_key=KEY.public, head=None)
        hold(verdict.ok, f"what was appended verifies: {verdict.problem}")
        for entry in entries(log, 0, 1000):
            for form in FORMATS.values():
                line = form(entry)
                hold(b"\n" not in line and isinstance(json.loads(line), dict), "a line of JSON")
        found_again = Prover(seal.signed(log)).prove(map(FORMATS["native"], entries(log, 0, 1000)))
        hold(not found_again.problem, f"and so do its lines: {found_again.problem}")


def damaged(content: bytes) -> None:
    """The file of the log with bytes changed: an offset and what stands there, a line each."""
    whole = bytearray(_store())
    for line in content.split(b"\n")[:_EDITS]:
        offset, _, new = line.partition(b" ")
        if offset.isdigit() and len(offset) < 7:
            at = int(offset) % len(whole)
            whole[at : at + len(new)] = new[: len(whole) - at]
        elif offset == b"cut" and new.isdigit() and len(new) < 7:
            del whole[int(new) % (len(whole) + 1) :]
    _proven(bytes(whole), None)


def edited(content: bytes) -> None:
    """The log with values changed, as whoever has SQLite can: ``table column row value``."""
    edits = content.split(b"\n")[:_EDITS]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(_store())
        with closing(sqlite3.connect(path)) as log:
            before = list(log.iterdump())
            for line in edits:
                _edit(log, line)
            log.commit()
            same = list(log.iterdump()) == before
            verdict = verify(log, public_key=KEY.public, head=None)
        _proof(Path(folder), None)
    hold(verdict.ok is same, f"it verifies if nobody touched it, and only then: {verdict.problem}")


def kept_head(content: bytes) -> None:
    """``head.json``: beside the log, and kept elsewhere."""
    _proven(_store(), content)


def key_file(content: bytes) -> None:
    """A public key, and the private one."""
    with tempfile.TemporaryDirectory() as folder, overheard():
        path = Path(folder) / "key"
        path.write_bytes(content)
        path.chmod(0o600)
        for read in (public_key, SigningKey.load_or_make):
            try:
                read(path)
            except StorageFailed as error:
                hold("PRIVATE" not in str(error), "the key is not repeated")


def lines(content: bytes) -> None:
    """Lines of format native, as a sink wrote them or somebody else did."""
    with opened() as log:
        filled(log, [draft(number) for number in (1, 2, 3)])
        head = seal.signed(log)
    for signed in (None, head):
        proof = Prover(signed).prove(content.split(b"\n"))
        hold(proof.lines <= content.count(b"\n") + 1, "lines are counted")
        hold(proof.problem or proof.last - proof.first < max(proof.lines, 1), "without holes")


def _edit(log: sqlite3.Connection, line: bytes) -> None:
    table, _, rest = line.partition(b" ")
    column, _, rest = rest.partition(b" ")
    row, _, value = rest.partition(b" ")
    columns = _TABLES.get(table.decode("latin-1"), ())
    name = column.decode("latin-1")
    if name not in columns or not (row.isdigit() and len(row) < 4):
        return
    new: object = value
    if value[:1] in {b"=", b"#"}:
        text = value[1:].decode("utf-8", "replace")
        new = text if value[:1] == b"=" else _number(text)
    if name == "plain" and new is None:
        return  # it may be gone: it is kept beside the log, and erased with a person
    try:
        log.execute(
            f"UPDATE {table.decode()} SET {name} = ? WHERE rowid = ?",  # noqa: S608 - of the list
            (new, int(row)),
        )
    except sqlite3.Error:
        return


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _proven(store: bytes, head: bytes | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(store)
        _proof(Path(folder), head)


def _proof(folder: Path, head: bytes | None) -> None:
    """By the command ``audit verify``, with and without the key and the head."""
    kept = folder / "kept.json"
    if head is not None:
        (folder / HEAD_FILE).write_bytes(head)
        kept.write_bytes(head)
    public = folder / "key.pub"
    public.write_text(KEY.public)
    for key in (None, public):
        for elsewhere in (None, kept) if head is not None else (None,):
            try:
                proven(Place(folder=folder, key=folder / "none"), key, elsewhere, _SILENT)
            except (Unproven, StorageFailed) as error:
                hold(str(error), "what is wrong is said")


def _nothing(_: str) -> None: ...


_SILENT = Streams(out=BytesIO(), say=_nothing, complain=_nothing, progress=_nothing, ask=None)


@cache
def _store() -> bytes:
    """Six records, a checkpoint, one person; the file as SQLite leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        with opened(Path(folder)) as log:
            name = people.commitment(log, "us_usr_1", "Ann", keep_plain=True)
            named = draft(3, actor={**PLAIN["actor"], "name": name})
            filled(log, [draft(1), draft(2), named], now=NOW)
            checkpoint(log, KEY, NOW)
            filled(log, [draft(number) for number in (4, 5, 6)], now=NOW)
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (Path(folder) / FILE).read_bytes()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "records": records,
    "damaged-store": damaged,
    "edited-store": edited,
    "kept-head": kept_head,
    "key-file": key_file,
    "native-lines": lines,
}
