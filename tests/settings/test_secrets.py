import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.errors import ConfigurationError
from exporter.settings import ClientPair, PersonalToken, Settings, credential_source, load
from exporter.settings.secretfiles import LARGEST, FileSecret

CANARY = "canary-7f3a-hidden"
LATER = 10**19  # nanoseconds; every stamp is long settled by then


def settled(path: Path) -> FileSecret:
    return FileSecret("auth.token-file", path, clock=lambda: LATER)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_the_end_of_the_line_is_not_part_of_the_secret(end: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(f"{CANARY}{end}".encode())
    assert settled(file)() == CANARY


def test_a_secret_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    secret = settled(file)
    assert secret() == "one"
    file.write_text("second")
    assert secret() == "second"


def test_a_file_that_does_not_change_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    stamp = file.stat()
    secret = settled(file)
    assert secret() == "one"
    with file.open("r+") as stream:  # in place: only the stamp could tell
        stream.write("two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert secret() == "one"


def test_a_file_written_a_moment_ago_is_not_trusted_to_show_its_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    stamp = file.stat()
    secret = FileSecret("auth.token-file", file, clock=lambda: stamp.st_mtime_ns + 1)
    assert secret() == "one"
    with file.open("r+") as stream:
        stream.write("two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert secret() == "two"


def test_the_swap_of_kubernetes_symbolic_link_is_seen(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(name)
    os.utime(tmp_path / "new/token", ns=(1, 1))
    os.utime(tmp_path / "old/token", ns=(1, 1))
    (tmp_path / "..data").symlink_to("old")
    (tmp_path / "token").symlink_to("..data/token")
    secret = settled(tmp_path / "token")
    assert secret() == "old"
    (tmp_path / "..tmp").symlink_to("new")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert secret() == "new"


def no_file(path: Path) -> None:
    del path


UNUSABLE: list[tuple[Callable[[Path], object], str]] = [
    (no_file, "there is no file .*; create it"),
    (lambda path: path.write_text(""), "is empty"),
    (lambda path: path.write_text("\n"), "is empty"),
    (lambda path: path.write_text(f"{CANARY}\n{CANARY}"), "holds spaces or odd characters"),
    (lambda path: path.write_bytes(b"\xff" + CANARY.encode()), "not text in UTF-8"),
    (lambda path: path.write_bytes(b"x" * (LARGEST + 1)), "larger than 64 KiB"),
    (Path.mkdir, "not a regular file"),
    (os.mkfifo, "not a regular file"),
    (lambda path: path.symlink_to(path), "cannot read"),
]


@pytest.mark.parametrize(("make", "says"), UNUSABLE)
def test_an_unusable_secret_file_is_named_and_what_to_do(
    make: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    make(file)
    with pytest.raises(ConfigurationError, match=says) as caught:
        settled(file)()
    assert CANARY not in str(caught.value)
    (mistake,) = caught.value.mistakes
    assert (mistake.setting, mistake.origin) == ("auth.token-file", f"file {file}")
    with pytest.raises(ConfigurationError, match=says) as caught:
        load([f"--auth.token-file={file}"], {})
    assert caught.value.mistakes[0].origin == "flag --auth.token-file"


def test_a_secret_that_this_user_may_not_read_says_so(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(CANARY)
    file.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # root may read every file: be somebody else for a moment
            os.seteuid(65534)
        with pytest.raises(ConfigurationError, match=r"may not read .*; give the user"):
            settled(file)()
    finally:
        os.seteuid(user)


def test_a_secret_that_vanishes_is_an_error_and_its_return_is_not(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    secret = settled(file)
    assert secret() == "one"
    file.unlink()
    with pytest.raises(ConfigurationError):
        secret()
    file.write_text("two")
    assert secret() == "two"


def test_the_credential_is_what_is_configured_at_the_time_of_the_call(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    environ = {
        "FLATFILE_EXPORTER_AUTH_CLIENT_ID": "an-id",
        "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET_FILE": str(file),
    }
    present = credential_source(load([], environ).settings.auth)
    assert present() == ClientPair("an-id", "one")
    file.write_text("second")
    assert present() == ClientPair("an-id", "second")
    token = load([], {"FLATFILE_EXPORTER_AUTH_TOKEN": "pat_x\n"}).settings.auth
    assert credential_source(token)() == PersonalToken("pat_x")
    assert credential_source(Settings().auth)() is None


def test_no_representation_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(CANARY)
    environ = {
        "FLATFILE_EXPORTER_AUTH_CLIENT_ID": "an-id",
        "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET": CANARY,
    }
    loaded = load([], environ)
    reader = settled(file)
    reader()
    shown = [loaded, loaded.settings, loaded.settings.auth, loaded.settings.model_dump(), reader]
    shown += [ClientPair("an-id", CANARY), PersonalToken(CANARY)]
    for thing in shown:
        assert CANARY not in f"{thing!r} {thing}"
    assert CANARY not in loaded.settings.model_dump_json()
