"""The newest signed head in a file of its own."""

import json
import stat
from pathlib import Path

import pytest

from exporter.audit import head_file
from exporter.audit.store import seal
from exporter.audit.store.checkpoints import checkpoint
from exporter.errors import StorageFailed
from tests.audit.store.stage import KEY, NOW, drafts, filled, opened


def test_a_head_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "head.json"
    assert head_file.read(path) is None
    with opened() as log:
        filled(log, drafts(1))
        head_file.write(path, checkpoint(log, KEY, NOW))
        filled(log, drafts(2))
        newest = checkpoint(log, KEY, NOW)
    head_file.write(path, newest)
    found = head_file.read(path)
    assert found == newest
    assert found.signed_by(KEY.public)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def _said(**fields: object) -> str:
    statement = json.dumps({"schema": 1, "statement": "head", **fields})
    return json.dumps({"head": statement, "signature": "00", "public": "00"})


NO_HEADS = {
    "empty": "",
    "half": "{",
    "list": "[]",
    "number": '{"head": 1}',
    "nothing": '{"head": "{}"}',
    "no text": "\xff",
    "too deep": "[" * 60_000,
    "without sequence": _said(log="x", hash="x"),
    "odd sequence": _said(log="x", hash="x", sequence="1"),
    "odd log": _said(log=[], hash="x", sequence=1),
}


@pytest.mark.parametrize("content", NO_HEADS.values(), ids=NO_HEADS)
def test_what_is_no_head_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "head.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(StorageFailed, match="holds no signed head"):
        head_file.read(path)


def test_a_checkpoint_is_no_head(tmp_path: Path) -> None:
    with opened() as log:
        filled(log, drafts(1))
        checkpoint(log, KEY, NOW)
        (payload, signature) = log.execute("SELECT payload, signature FROM checkpoint").fetchone()
    path = tmp_path / "head.json"
    statement = seal.SignedHead(payload=payload, signature=signature, public=KEY.public)
    head_file.write(path, statement)
    with pytest.raises(StorageFailed, match="holds no signed head"):
        head_file.read(path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with opened() as log:
        filled(log, drafts(1))
        with pytest.raises(StorageFailed, match="cannot be written"):
            head_file.write(tmp_path / "file" / "head.json", checkpoint(log, KEY, NOW))
    with pytest.raises(StorageFailed, match="cannot be read"):
        head_file.read(tmp_path / "file" / "head.json")
