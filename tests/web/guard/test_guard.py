"""Files that change under a running server."""

import asyncio
import os
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.errors import ConfigurationError
from exporter.web.guard.guard import Guard
from exporter.web.guard.protection import Protection
from tests.web.guard.authority import Authority, web_config, with_tls
from tests.web.guard.shaking import plain_client, shake

HASH = "$2b$04$" + "." * 53
VERIFY = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem")


def serial(protection: Protection, authority: Authority) -> object:
    assert protection.tls
    return (shake(protection.tls, authority.trusting()).client.getpeercert() or {})["serialNumber"]


def grown_old(folder: Path) -> None:
    """As if nobody had written for a minute."""
    for path in folder.iterdir():
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 60_000_000_000))


async def test_a_bad_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nonsense \(file .*web.yml, line 1\)"):
        Guard(web_config(tmp_path, "nonsense: 1"))
    assert Guard.of(None) is None


async def test_a_certificate_and_a_key_that_are_replaced_count_at_once(
    authority: Authority,
) -> None:
    guard = Guard(with_tls(authority.folder))
    before = serial(await guard.current(), authority)
    for old in (False, True):
        if old:  # so that a look goes by what the file system says, and reads nothing
            grown_old(authority.folder)
            await guard.current()
        authority.issue("server")
        after = serial(await guard.current(), authority)
        assert after != before
        before = after


async def test_authorities_that_are_replaced_count_at_once(
    authority: Authority, tmp_path: Path
) -> None:
    guard = Guard(with_tls(tmp_path, *VERIFY))
    client = plain_client(maximum_version=ssl.TLSVersion.TLSv1_2)
    client.load_cert_chain(*authority.issue("good"))
    assert guard.protection.tls
    shake(guard.protection.tls, client)
    Authority(tmp_path, "other").pem.replace(authority.pem)
    protection = await guard.current()
    assert protection.tls
    with pytest.raises(ssl.SSLError):
        shake(protection.tls, client)


async def test_a_secret_of_kubernetes_is_seen_to_change(tmp_path: Path) -> None:
    """The files are links through ``..data``, which is replaced as a whole."""
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        web_config(tmp_path / f"..{number}", f"rate_limit: {{interval: {number}s, burst: 1}}")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "web.yml").symlink_to("..data/web.yml")
    for number in (1, 2):
        grown_old(tmp_path / f"..{number}")
    guard = Guard(tmp_path / "web.yml")
    await guard.current()
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    limit = (await guard.current()).rate_limit
    assert limit
    assert limit.interval == 2.0


async def test_nothing_is_read_again_while_nothing_changes(authority: Authority) -> None:
    guard = Guard(with_tls(authority.folder))
    grown_old(authority.folder)
    first = await guard.current()
    assert guard._read_if_changed() is None
    assert (await guard.current()).tls is first.tls
    (authority.folder / "server.crt").touch()
    assert guard._read_if_changed() is not None
    # The same content is the same context: its sessions stay good.
    assert (await guard.current()).tls is first.tls


async def test_a_file_that_is_written_twice_within_a_tick_of_the_file_system_is_seen(
    tmp_path: Path,
) -> None:
    path = web_config(tmp_path, "rate_limit: {interval: 1s, burst: 1}")
    guard = Guard(path)
    await guard.current()
    stamp = path.stat()
    path.write_text("rate_limit: {interval: 1s, burst: 2}")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    limit = (await guard.current()).rate_limit
    assert limit
    assert limit.burst == 2


async def test_a_bad_file_changes_nothing_and_is_told_once(authority: Authority) -> None:
    path = with_tls(authority.folder)
    guard = Guard(path)
    before = await guard.current()
    with capture_logs() as logs:
        good = path.read_text()
        for bad in ("nonsense: 1", good + "  min_version: TLS111\n", "a: ["):
            path.write_text(bad)
            for _ in range(3):
                assert await guard.current() is before
        path.unlink()
        assert await guard.current() is before
        path.write_text(good)
        assert (await guard.current()).tls is before.tls
        assert (await guard.current()).tls is before.tls
    assert [log["event"] for log in logs] == ["web_config_unusable"] * 4 + ["web_config_recovered"]
    assert all(log["log_level"] == "error" for log in logs[:4])
    assert "tls_server_config.min_version" in logs[1]["mistakes"][0]


async def test_a_key_that_comes_after_its_certificate_leaves_the_old_pair_meanwhile(
    authority: Authority, tmp_path: Path
) -> None:
    guard = Guard(with_tls(tmp_path))
    before = serial(await guard.current(), authority)
    certificate, key = authority.issue("next")
    certificate.replace(tmp_path / "server.crt")
    assert serial(await guard.current(), authority) == before
    key.replace(tmp_path / "server.key")
    assert serial(await guard.current(), authority) != before


async def test_protection_is_not_taken_away_from_a_running_server(authority: Authority) -> None:
    """A file that is being written is empty for a moment."""
    path = with_tls(authority.folder, rest=f"basic_auth_users: {{a: {HASH}}}\n")
    guard = Guard(path)
    with capture_logs() as logs:
        for less in ("", f"basic_auth_users: {{a: {HASH}}}\n"):
            path.write_text(less)
            protection = await guard.current()
            assert protection.tls
            assert protection.users
        with_tls(authority.folder)
        assert (await guard.current()).users
        with_tls(authority.folder, rest=f"basic_auth_users: {{b: {HASH}}}\n")
        assert set((await guard.current()).users) == {b"b"}
    told = [line.partition(" (")[0] for log in logs for line in log.get("mistakes", ())]
    assert told == [
        "tls_server_config",
        "basic_auth_users",
        "tls_server_config",
        "basic_auth_users",
    ]


async def test_tls_where_there_was_none_takes_a_restart(authority: Authority) -> None:
    path = web_config(authority.folder, "")
    guard = Guard(path)
    with_tls(authority.folder)
    assert (await guard.current()).tls is None
    path.write_text(f"basic_auth_users: {{a: {HASH}}}\n")
    assert (await guard.current()).users


async def test_a_reload_tells_the_mistakes(authority: Authority) -> None:
    path = with_tls(authority.folder)
    guard = Guard(path)
    await guard.reread()
    path.write_text("nonsense: 1")
    before = guard.protection
    with pytest.raises(ConfigurationError, match="nonsense"):
        await guard.reread()
    assert guard.protection is before
    with_tls(authority.folder, "min_version: TLS13")
    await guard.reread()
    assert guard.protection is not before


async def test_notes_are_told_at_the_start_and_after_a_change_only(authority: Authority) -> None:
    with capture_logs() as logs:
        guard = Guard(with_tls(authority.folder, "min_version: TLS11"))
        for _ in range(3):
            await guard.current()
        with_tls(authority.folder, "min_version: TLS10")
        for _ in range(3):
            await guard.current()
    notes = [log for log in logs if log["event"] == "web_config_note"]
    assert [note["note"].partition(" (")[0] for note in notes] == [
        "tls_server_config.min_version"
    ] * 2
    assert {note["log_level"] for note in notes} == {"warning"}


async def test_those_who_ask_at_the_same_time_share_one_look(authority: Authority) -> None:
    guard = Guard(with_tls(authority.folder))
    looks = [asyncio.create_task(guard.current()) for _ in range(50)]
    await asyncio.sleep(0)
    assert guard._look
    found = await asyncio.gather(*looks)
    assert len({id(one) for one in found}) == 1
    assert guard._look is None
