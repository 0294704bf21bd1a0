"""The key that signs: made once, kept from others, and never confused with another file."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from exporter.audit import keys
from exporter.audit.keys import SigningKey
from exporter.errors import StorageFailed


def test_a_key_is_made_on_first_use_with_a_warning_and_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key.pem"
    with capture_logs() as logs:
        made = SigningKey.load_or_make(path)
        again = SigningKey.load_or_make(path)
    assert made.public == again.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [(line["log_level"], line["event"]) for line in logs] == [("warning", "audit_key_made")]
    assert list(path.parent.iterdir()) == [path]


def test_two_keys_are_not_the_same(tmp_path: Path) -> None:
    assert (
        SigningKey.load_or_make(tmp_path / "a").public
        != SigningKey.load_or_make(tmp_path / "b").public
    )


def test_whoever_comes_first_makes_it_and_the_others_use_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = threads.map(SigningKey.load_or_make, [tmp_path / "key.pem"] * 32)
    assert len({key.public for key in made}) == 1


def test_a_signature_is_of_one_payload_by_one_key(tmp_path: Path) -> None:
    key = SigningKey.load_or_make(tmp_path / "key.pem")
    signature = key.sign(b"payload")
    assert keys.verify(key.public, b"payload", signature)
    assert not keys.verify(key.public, b"Payload", signature)
    assert not keys.verify(key.public, b"payload", b"x" + signature[1:])
    assert not keys.verify(key.public, b"payload", b"")
    assert not keys.verify(SigningKey.load_or_make(tmp_path / "b").public, b"payload", signature)
    assert not keys.verify("no key", b"payload", signature)


def test_what_is_no_such_key_is_refused_and_left_alone(tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    # PKCS #8 with an algorithm (object identifier 1.2.3.4) that nobody has.
    strange = b"\x02\x01\x00\x30\x05\x06\x03\x2a\x03\x04\x04\x02\x04\x00"
    body = base64.b64encode(bytes([0x30, len(strange)]) + strange)
    unknown = b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"
    for number, content in enumerate([b"", b"secret", rsa, unknown]):
        path = tmp_path / str(number)
        path.write_bytes(content)
        with pytest.raises(StorageFailed, match="holds no Ed25519 private key") as caught:
            SigningKey.load_or_make(path)
        assert path.read_bytes() == content
        assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be used: Not a directory"):
        SigningKey.load_or_make(tmp_path / "file" / "key.pem")


def test_a_key_that_others_may_read_is_used_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    SigningKey.load_or_make(path)
    os.chmod(path, 0o640)  # noqa: PTH101 - the same as an operator does
    with capture_logs() as logs:
        SigningKey.load_or_make(path)
    assert [line["event"] for line in logs] == ["audit_key_open_to_others"]
