"""``audit verify``: what it says was proven, and by what it names the first wrong record."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from exporter.audit.keys import SigningKey
from exporter.audit.place import Place
from exporter.audit.store.database import FILE
from exporter.audit.verify import OWN_HEAD, OWN_KEY
from exporter.auditor.export import export
from exporter.auditor.selection import Selection
from exporter.auditor.verify import public_key, verify, verify_files
from exporter.errors import StorageFailed, Unproven
from tests.auditor.logs import ADA, Heard, a_draft, known, place, work, write


@pytest.fixture(name="log")
def a_log(tmp_path: Path) -> Place:
    where = place(tmp_path)
    ada = known(where, ADA, "Ada", "ada@example.org")
    write(where, [a_draft(n, actor=ada) for n in range(1, 6)])
    write(where, [a_draft(n) for n in range(6, 9)])
    return where


def said(where: Place, public: Path | None = None, head: Path | None = None) -> dict[str, str]:
    heard = Heard()
    assert verify(where, public, head, heard.streams()) == 0
    assert heard.complaints == []
    return {name: rest.strip() for line in heard.said for name, _, rest in [line.partition(" ")]}


def test_it_says_what_was_proven(log: Place) -> None:
    found = said(log)
    assert found["proven"] == "ok"
    assert found["records"] == (
        "8, from 1 (2027-01-14T08:01:00.000Z) to 8 (2027-01-14T08:08:00.000Z)"
    )
    assert (found["checkpoints"], found["tombstones"]) == ("2", "0")
    assert found["key"] == SigningKey.load_or_make(log.key).public
    assert found["fingerprint"] == f"SHA256:{sha256(bytes.fromhex(found['key'])).hexdigest()}"
    assert found["head"].startswith("8 ")


def test_a_file_in_which_the_name_of_a_column_is_no_text_is_damaged(log: Place) -> None:
    file = log.folder / FILE
    whole = file.read_bytes()
    assert whole.count(b"scrub INTEGER") == 1
    file.write_bytes(whole.replace(b"scrub INTEGER", b"scr\xa0b INTEGER"))
    with pytest.raises(Unproven, match="the file is damaged"):
        said(log)


def test_an_empty_log_is_proven_to_be_empty(tmp_path: Path) -> None:
    where = place(tmp_path)
    write(where, [])
    assert said(where)["records"] == "none"


def a_public_key(where: Place, form: str) -> Path:
    private = load_pem_private_key(where.key.read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path = where.folder.parent / "public"
    path.write_bytes(pem if form == "pem" else f"{public.public_bytes_raw().hex()}\n".encode())
    return path


def notes(where: Place, public: Path | None = None, head: Path | None = None) -> str:
    """What is said to be taken on trust."""
    heard = Heard()
    verify(where, public, head, heard.streams())
    return "\n".join(line for line in heard.said if line.startswith("note "))


def test_what_lies_in_the_folder_of_the_log_is_trusted_by_nobody(
    log: Place, tmp_path: Path
) -> None:
    assert OWN_KEY in notes(log)
    assert OWN_HEAD in notes(log)
    elsewhere = tmp_path / "kept.json"
    shutil.copy(log.folder / "head.json", elsewhere)
    assert OWN_HEAD not in notes(log, head=elsewhere)
    assert OWN_HEAD not in notes(replace(log, heads=(elsewhere,)))


@pytest.mark.parametrize("form", ["pem", "hex"])
def test_a_key_that_was_kept_elsewhere_is_taken_as_pem_and_as_digits(log: Place, form: str) -> None:
    public = a_public_key(log, form)
    assert said(log, public)["key"] == SigningKey.load_or_make(log.key).public
    assert OWN_KEY not in notes(log, public)


def test_a_key_of_another_log_proves_nothing(log: Place, tmp_path: Path) -> None:
    other = place(tmp_path / "other")
    write(other, [a_draft(1)])
    with pytest.raises(Unproven):
        verify(log, a_public_key(other, "pem"), None, Heard().streams())


@pytest.mark.parametrize(
    "content", [b"", b"ab" * 31, b"-----BEGIN PUBLIC KEY-----\n", b"\xff" * 64]
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(StorageFailed, match="holds no public Ed25519 key"):
        public_key(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    public = X25519PrivateKey.generate().public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(StorageFailed, match="holds no public Ed25519 key"):
        public_key(path)


def test_a_private_key_is_not_taken_for_its_public_half(log: Place) -> None:
    with pytest.raises(StorageFailed, match="holds no public Ed25519 key"):
        public_key(log.key)


SPOILS: dict[str, Callable[[Connection], object]] = {
    "edited": lambda c: c.execute(
        "UPDATE record SET body = replace(body, 'staging', 'stagins') WHERE sequence = 4"
    ),
    "deleted": lambda c: c.execute("DELETE FROM record WHERE sequence = 4"),
    "renamed": lambda c: c.execute("UPDATE record SET uid = 'us_evt_x' WHERE sequence = 4"),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_the_first_record_that_is_wrong_is_named(
    log: Place, spoil: Callable[[Connection], object]
) -> None:
    work(log, spoil)
    heard = Heard()
    with pytest.raises(Unproven, match=r"^record 4\b"):
        verify(log, None, None, heard.streams())
    assert "ok" not in "\n".join(heard.said)


def test_a_log_that_was_rolled_back_is_found_by_a_head_that_was_kept_elsewhere(
    log: Place, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(log.folder, before)
    write(log, [a_draft(9)])
    kept = tmp_path / "kept.json"
    shutil.copy(log.folder / "head.json", kept)
    assert said(log, head=kept)["head"].startswith("9 ")
    back = Place(folder=before, key=log.key)
    assert said(back)["head"].startswith("8 ")
    with pytest.raises(Unproven):
        verify(back, None, kept, Heard().streams())
    with pytest.raises(Unproven):
        verify(Place(folder=before, key=log.key, heads=(kept,)), None, None, Heard().streams())


def test_a_log_that_was_rolled_back_without_its_head_is_found_by_that(
    log: Place, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(log.folder, before)
    write(log, [a_draft(9)])
    shutil.copy(log.folder / "head.json", before)
    with pytest.raises(Unproven):
        verify(replace(log, folder=before), None, None, Heard().streams())


def test_an_old_head_from_elsewhere_does_not_hide_what_a_newer_one_beside_the_log_shows(
    log: Place, tmp_path: Path
) -> None:
    old, before = tmp_path / "old.json", tmp_path / "before"
    shutil.copy(log.folder / "head.json", old)
    shutil.copytree(log.folder, before)
    write(log, [a_draft(9)])
    assert said(log, head=old)["head"].startswith("9 ")
    shutil.copy(log.folder / "head.json", before)
    for head, heads in ((old, ()), (None, (old,))):
        with pytest.raises(Unproven, match="record 9: this is not the log that was signed"):
            verify(Place(folder=before, key=log.key, heads=heads), None, head, Heard().streams())


def test_a_head_that_is_not_there_is_said_to_be_missing(log: Place, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"there is no .*nowhere\.json"):
        verify(log, None, tmp_path / "nowhere.json", Heard().streams())


def test_where_there_is_no_log_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no audit log in"):
        verify(place(tmp_path), None, None, Heard().streams())
    assert list(tmp_path.iterdir()) == []


def files(where: Place, *parts: slice) -> list[Path]:
    """An export in native lines, cut into files."""
    heard = Heard()
    export(where, Selection(), "native", heard.streams())
    written = []
    for number, part in enumerate(parts):
        path = where.folder.parent / f"part-{number}.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in heard.lines[part]))
        written.append(path)
    return written


def test_files_are_proven_as_one_log_in_the_order_given(log: Place) -> None:
    heard = Heard()
    parts = files(log, slice(0, 5), slice(3, 8))
    assert (
        verify_files(parts, a_public_key(log, "hex"), log.folder / "head.json", heard.streams())
        == 0
    )
    assert any(line.startswith("records") and "8, from 1" in line for line in heard.said)
    assert any(line.startswith("repeated") and "2 lines" in line for line in heard.said)
    assert not any("--head" in line for line in heard.said)


def test_what_files_cannot_prove_is_said(log: Place) -> None:
    heard = Heard()
    verify_files(files(log, slice(2, 8)), None, None, heard.streams())
    assert any("before record 3 " in line for line in heard.said)
    assert any("without --head" in line for line in heard.said)


def test_a_head_of_before_the_files_is_said_to_prove_nothing_of_them(
    log: Place, tmp_path: Path
) -> None:
    old = tmp_path / "old.json"
    shutil.copy(log.folder / "head.json", old)
    write(log, [a_draft(9), a_draft(10)])
    heard = Heard()
    assert verify_files(files(log, slice(8, 10)), None, old, heard.streams()) == 0
    assert any("the signed head is of record 8, before these files" in line for line in heard.said)
    assert not any(line.startswith(("key", "fingerprint")) for line in heard.said)


def test_files_in_the_wrong_order_or_cut_short_prove_nothing(log: Place) -> None:
    first, second = files(log, slice(0, 4), slice(4, 8))
    with pytest.raises(Unproven, match="line 5: record 1"):
        verify_files([second, first], None, None, Heard().streams())
    with pytest.raises(Unproven, match="they end with record 4"):
        verify_files([first], None, log.folder / "head.json", Heard().streams())


def test_a_head_by_another_key_is_refused(log: Place, tmp_path: Path) -> None:
    other = place(tmp_path / "other")
    write(other, [a_draft(1)])
    key = a_public_key(other, "pem")
    with pytest.raises(Unproven, match="not signed by"):
        verify_files(files(log, slice(8)), key, log.folder / "head.json", Heard().streams())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="nowhere cannot be read"):
        verify_files([tmp_path / "nowhere"], None, None, Heard().streams())


def test_no_name_and_no_address_is_in_what_is_said(log: Place) -> None:
    heard = Heard()
    verify(log, None, None, heard.streams())
    verify_files(files(log, slice(8)), None, None, heard.streams())
    assert "Ada" not in heard.everything
    assert "ada@" not in heard.everything
