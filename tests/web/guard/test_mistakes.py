"""Each mistake in a web configuration is a line that names the field and the place."""

import os
from pathlib import Path

import pytest

from exporter.errors import ConfigurationError
from exporter.web.guard.protection import Protection, load
from tests.web.guard.authority import Authority, web_config, with_tls

CANARY = "canary-hidden"
HASH = "$2b$04$" + "." * 53


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    lines = [str(mistake) for mistake in caught.value.mistakes]
    assert all(line.isprintable() for line in lines)
    assert CANARY not in "".join(lines)
    return lines


def taken(path: Path) -> Protection:
    return load(path).protection


# The toolkit's own tests (web/tls_config_test.go) refuse these, by other words.
@pytest.mark.parametrize(
    ("lines", "field", "says"),
    [
        (["cert_filse: x"], "tls_server_config.cert_filse", "did you mean cert_file?"),
        (["cert_file:", "key_file: server.key"], "tls_server_config.cert_file", "is missing"),
        (['cert: ""', "key_file: server.key"], "tls_server_config.cert_file", "is missing"),
        (["cert_file: server.crt", 'key_file: ""'], "tls_server_config.key_file", "is missing"),
        (["cert_file: server.crt", 'key: ""'], "tls_server_config.key_file", "is missing"),
        (["min_version: TLS12"], "tls_server_config.cert_file", "is missing"),
        (["cert_file: nil", "key_file: server.key"], "tls_server_config.cert_file", "No such file"),
        (["cert_file: server.crt", "key_file: nil"], "tls_server_config.key_file", "No such file"),
    ],
)
def test_a_certificate_or_a_key_that_is_not_there_is_named(
    authority: Authority, lines: list[str], field: str, says: str
) -> None:
    text = "tls_server_config:\n" + "".join(f"  {line}\n" for line in lines)
    line = next(one for one in mistakes(web_config(authority.folder, text)) if field in one)
    assert line.startswith(f"{field} (file {authority.folder / 'web.yml'}, line ")
    assert says in line


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = """
        tls_server_config: {cert_file: "", key_file: "", client_auth_type: x}
        http_server_config: {headers: {Server: mine}}
        basic_auth_users: {john: doe}
        nonsense: 1
    """
    found = [line.partition(" (")[0] for line in mistakes(web_config(tmp_path, text))]
    assert sorted(found) == [
        "basic_auth_users",
        "http_server_config.headers.Server",
        "nonsense",
        "tls_server_config.cert_file",
        "tls_server_config.client_auth_type",
        "tls_server_config.key_file",
    ]


# The first eleven are of the toolkit's tests, the others of what its code and its manual say.
@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        ("client_ca_file: ca.pem", "client_ca_file", "without a policy that uses it"),
        ("client_ca_file: /dev/null", "client_ca_file", "not a regular file"),
        ("client_ca_file: somefile", "client_ca_file", "No such file"),
        ("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]", "cipher_suites", "unknown"),
        ("curve_preferences: [CurveP257]", "curve_preferences", "did you mean CurveP256?"),
        ("min_version: TLS111", "min_version", "did you mean TLS11?"),
        ("client_auth_type: RequireAnyClientCert", "client_auth_type", "RequireAndVerify"),
        ("client_auth_type: RequireClientCert", "client_auth_type", "keeps nobody out"),
        ("client_auth_type: x", "client_auth_type", "known here: NoClientCert"),
        ("client_auth_type: [NoClientCert]", "client_auth_type", "is not text"),
        ("cipher_suites: TLS_AES_128_GCM_SHA256", "cipher_suites", "is not a list"),
        ("cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]", "cipher_suites", "unknown"),
        ("prefer_server_cipher_suites: perhaps", "prefer_server_cipher_suites", "true or false"),
        ("max_version: TLS11", "max_version", "RFC 8996"),
        ("client_allowed_sans: [me]", "client_allowed_sans", "without effect"),
        ("client_allowed_sans: []", "client_allowed_sans", "no client could come in"),
        (f"cert: {CANARY}", "cert", "together with cert_file"),
        (f"key: {CANARY}", "key", "together with key_file"),
        ("key_file: again.key", "key_file", "is given twice"),
    ],
)
def test_what_is_wrong_about_tls_is_named(
    authority: Authority, line: str, field: str, says: str
) -> None:
    found = mistakes(with_tls(authority.folder, line))
    told = [one for one in found if one.startswith(f"tls_server_config.{field} (")]
    assert any(says in one for one in told), found
    assert all(", line " in one for one in told)


@pytest.mark.parametrize("off", [True, False])
def test_suites_without_the_one_that_http2_needs_are_refused_as_by_the_toolkit(
    authority: Authority, off: bool
) -> None:
    lines = ("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]", "max_version: TLS12")
    if off:
        taken(with_tls(authority.folder, *lines, rest="http_server_config: {http2: false}\n"))
    else:
        (line,) = mistakes(with_tls(authority.folder, *lines))
        assert "http_server_config.http2: false" in line


def test_versions_and_suites_that_leave_nothing_are_refused(authority: Authority) -> None:
    (line,) = mistakes(with_tls(authority.folder, "min_version: TLS13", "max_version: TLS12"))
    assert line.startswith("tls_server_config.min_version ")
    suites = "cipher_suites: [TLS_AES_128_GCM_SHA256]"
    none = "http_server_config: {http2: false}\n"
    (line,) = mistakes(with_tls(authority.folder, suites, "max_version: TLS12", rest=none))
    assert line.startswith("tls_server_config.cipher_suites ")


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("just words that go on\nand on", "web.config.file", "not a mapping"),
        ("a: [", "web.config.file", "not YAML that can be read at line"),
        ("a: 1\n---\nb: 2", "web.config.file", "not YAML that can be read"),
        ("- a", "web.config.file", "not a mapping"),
        ("? [a]\n: b", "file", "a key that is not a word"),
        ("tls_server_config: 1", "tls_server_config", "is not a mapping"),
        ("http_server_config: {http3: true}", "http_server_config.http3", "did you mean http2?"),
        ("http_server_config: {http2: 1}", "http_server_config.http2", "is not true or false"),
        ("rate_limit: {interval: 5}", "rate_limit.interval", "is not a duration"),
        ("rate_limit: {interval: -1s}", "rate_limit.interval", "is not a duration"),
        ("rate_limit: {interval: 1s, burst: -1}", "rate_limit.burst", "is not a whole number"),
        ("rate_limit: {interval: 1s, rate: 1}", "rate_limit.rate", "is unknown"),
    ],
)
def test_what_is_wrong_about_the_rest_is_named(
    tmp_path: Path, text: str, field: str, says: str
) -> None:
    (line,) = mistakes(web_config(tmp_path, text))
    assert line.startswith(f"{field} (file {tmp_path / 'web.yml'}")
    assert says in line


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("X-Content-Type-Options: sniff", "is not nosniff"),
        ("X-Frame-Options: foo", "is not deny or sameorigin"),
        ("Content-Type: foo", "cannot be configured"),
        ("x-frame-options: deny", "cannot be configured"),
        ('Content-Security-Policy: "a\\r\\nSet-Cookie: b"', "holds what no header can carry"),
        ("X-XSS-Protection: [1]", "is not text"),
    ],
)
def test_a_header_that_may_not_be_set_is_named(tmp_path: Path, header: str, says: str) -> None:
    (line,) = mistakes(web_config(tmp_path, f"http_server_config:\n  headers:\n    {header}\n"))
    name = header.partition(":")[0]
    assert line.startswith(
        f"http_server_config.headers.{name} (file {tmp_path / 'web.yml'}, line 3)"
    )
    assert says in line


@pytest.mark.parametrize(
    "user",
    [
        f"john: {CANARY}",
        "john: $2b$04$short",
        f"john: $2b$03${'.' * 53}",
        f"john: $2b$32${'.' * 53}",
        f"john: $2x$04${'.' * 53}",
        f"john: $2b$04${'z' * 53}",  # a salt of more than 128 bits
        f'"": {HASH}',
        f'"john:doe": {HASH}',
        f"john: {HASH}\n  john: {HASH}",
        "john: [a]",
        f"? [john]\n  : {HASH}",
    ],
)
def test_a_user_that_cannot_be_is_named_by_its_line_only(tmp_path: Path, user: str) -> None:
    (line,) = mistakes(web_config(tmp_path, f"basic_auth_users:\n  {user}\n"))
    assert line.startswith(f"basic_auth_users (file {tmp_path / 'web.yml'}, line ")
    assert "john" not in line


def test_a_key_of_another_certificate_is_told_from_one_that_is_none(authority: Authority) -> None:
    folder = authority.folder
    path = with_tls(folder)
    other = Authority(folder, "other").issue("another")[1].read_bytes()
    good = (folder / "server.key").read_bytes()
    for text, says in (
        (other, "does not belong to the tls_server_config.cert_file"),
        (b"junk", "holds no private key (PEM)"),
        (good[:60], "cannot be used"),
        (good.replace(b"EC PRIVATE", b"ENCRYPTED PRIVATE"), "is encrypted"),
        (b"x" * (1 << 20) + b"x", "larger than 1024 KiB"),
    ):
        (folder / "server.key").write_bytes(text)
        (line,) = mistakes(path)
        assert line.startswith("tls_server_config.key_file ")
        assert says in line


def test_a_certificate_that_is_none_is_told_apart(authority: Authority) -> None:
    path = with_tls(
        authority.folder, "client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem"
    )
    good = authority.pem.read_bytes()
    for name, field in (("server.crt", "cert_file"), ("ca.pem", "client_ca_file")):
        for text, says in (
            (b"junk", "holds no certificate (PEM)"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        ):
            before = (authority.folder / name).read_bytes()
            (authority.folder / name).write_bytes(text)
            (line,) = mistakes(path)
            assert line.startswith(f"tls_server_config.{field} ")
            assert says in line
            (authority.folder / name).write_bytes(before)
    # Bundles of authorities have comments, in any language.
    authority.pem.write_bytes("# Übung\n".encode() + good + b"\n# end\n" + good)
    assert taken(path).tls


def test_a_pipe_in_the_place_of_a_file_does_not_hang(authority: Authority) -> None:
    path = with_tls(authority.folder)
    (authority.folder / "server.key").unlink()
    os.mkfifo(authority.folder / "server.key")
    (line,) = mistakes(path)
    assert "is not a regular file" in line


def test_a_file_that_is_not_there_is_a_mistake_of_the_setting(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path / "nothing.yml")
    assert line.startswith(f"web.config.file (file {tmp_path / 'nothing.yml'}): cannot read")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    (line,) = mistakes(tmp_path / "binary.yml")
    assert "not YAML that can be read" in line
