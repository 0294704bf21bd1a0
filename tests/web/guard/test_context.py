"""What a client can negotiate with a server that is configured so."""

import ssl
from pathlib import Path

import pytest

from exporter.web.guard.names import CURVES, SUITES, SUITES_13
from exporter.web.guard.protection import load
from tests.web.guard.authority import Authority, web_config, with_tls
from tests.web.guard.shaking import plain_client, shake

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def context_of(path: Path) -> ssl.SSLContext:
    context = load(path).protection.tls
    assert context
    return context


def notes_of(path: Path) -> tuple[str, ...]:
    return load(path).protection.notes


def client12(*suites: str, **changes: object) -> ssl.SSLContext:
    context = plain_client(maximum_version=TLS12, **changes)
    if suites:
        context.set_ciphers(":".join(SUITES[suite] for suite in suites))
    return context


def test_the_certificate_is_shown_and_http_1_1_is_agreed_upon(authority: Authority) -> None:
    client = authority.trusting()
    client.set_alpn_protocols(["h2", "http/1.1"])
    ends = shake(context_of(with_tls(authority.folder)), client)
    assert ends.client.version() == "TLSv1.3"
    assert ends.client.selected_alpn_protocol() == "http/1.1"
    assert notes_of(with_tls(authority.folder)) == ()


def test_certificate_and_key_may_stand_in_the_file_itself(authority: Authority) -> None:
    def block(name: str) -> str:
        lines = (authority.folder / name).read_text().splitlines()
        return "|\n" + "".join(f"    {line}\n" for line in lines)

    text = f"tls_server_config:\n  cert: {block('server.crt')}  key: {block('server.key')}"
    path = web_config(authority.folder, text)
    assert shake(context_of(path), authority.trusting()).client.version()
    assert "BEGIN" not in repr(load(path).protection)


def test_names_of_files_are_relative_to_the_file_that_has_them(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_tls(authority.folder)
    monkeypatch.chdir("/")
    shake(context_of(path), authority.trusting())
    absolute = f"cert_file: {authority.folder}/server.crt, key_file: {authority.folder}/server.key"
    path = web_config(authority.folder, f"tls_server_config: {{{absolute}}}")
    shake(context_of(path), authority.trusting())


@pytest.mark.parametrize(
    ("line", "most", "agreed"),
    [
        ("", TLS13, "TLSv1.3"),
        ("", TLS12, "TLSv1.2"),
        ("min_version: TLS13", TLS12, None),
        ("max_version: TLS12", TLS13, "TLSv1.2"),
        ("min_version: TLS10", TLS12, "TLSv1.2"),
    ],
)
def test_the_versions_are_those_that_are_configured(
    authority: Authority, line: str, most: ssl.TLSVersion, agreed: str | None
) -> None:
    server = context_of(with_tls(authority.folder, line))
    assert server.minimum_version >= TLS12
    client = plain_client(maximum_version=most)
    if agreed:
        assert shake(server, client).client.version() == agreed
    else:
        with pytest.raises(ssl.SSLError):
            shake(server, client)


@pytest.mark.parametrize("version", ["TLS10", "TLS11"])
def test_an_old_version_is_raised_and_that_is_said(authority: Authority, version: str) -> None:
    (note,) = notes_of(with_tls(authority.folder, f"min_version: {version}"))
    assert note.startswith("tls_server_config.min_version (")
    assert "is taken as TLS12" in note


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_of_go_can_be_chosen_alone(tmp_path: Path, suite: str) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", rsa="_RSA_" in suite)
    off = "http_server_config: {http2: false}\n"
    server = context_of(with_tls(tmp_path, f"cipher_suites: [{suite}]", rest=off))
    found = shake(server, client12(*SUITES)).client.cipher()
    assert found
    assert found[0] == SUITES[suite]
    others = [other for other in SUITES if other != suite]
    with pytest.raises(ssl.SSLError):
        shake(server, client12(*others))


def test_all_suites_of_go_at_once_with_those_of_tls_1_3(authority: Authority) -> None:
    both = ", ".join((*SUITES, *SUITES_13))
    server = context_of(with_tls(authority.folder, f"cipher_suites: [{both}]"))
    assert shake(server, client12()).client.version() == "TLSv1.2"
    assert shake(server, plain_client()).client.version() == "TLSv1.3"


def test_suites_of_tls_1_3_alone_leave_no_other_version(authority: Authority) -> None:
    off = "http_server_config: {http2: false}\n"
    server = context_of(
        with_tls(authority.folder, "cipher_suites: [TLS_AES_128_GCM_SHA256]", rest=off)
    )
    assert shake(server, plain_client()).client.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        shake(server, client12())


@pytest.mark.parametrize("own", [True, False])
def test_the_order_of_the_server_or_of_the_client_decides(authority: Authority, own: bool) -> None:
    first, second = (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    )
    lines = (
        f"cipher_suites: [{first}, {second}]",
        f"prefer_server_cipher_suites: {str(own).lower()}",
    )
    server = context_of(with_tls(authority.folder, *lines))
    found = shake(server, client12(second, first)).client.cipher()
    assert found
    assert found[0] == SUITES[first if own else second]


@pytest.mark.parametrize("curve", CURVES)
def test_one_curve_is_the_only_one(authority: Authority, curve: str) -> None:
    server = context_of(with_tls(authority.folder, f"curve_preferences: [{curve}]"))
    for other, name in CURVES.items():
        client = plain_client()
        client.set_ecdh_curve(name)
        if other == curve:
            assert shake(server, client).client.version() == "TLSv1.3"
        else:
            with pytest.raises(ssl.SSLError):
                shake(server, client)


def test_of_several_curves_the_first_is_used_and_that_is_said(authority: Authority) -> None:
    path = with_tls(authority.folder, "curve_preferences: [CurveP384, X25519]")
    (note,) = notes_of(path)
    assert "only the first, CurveP384, is used" in note
    client = plain_client()
    client.set_ecdh_curve("X25519")
    with pytest.raises(ssl.SSLError):
        shake(context_of(path), client)


def test_a_private_key_that_everybody_may_read_is_spoken_of(authority: Authority) -> None:
    key = authority.folder / "server.key"
    path = with_tls(authority.folder)
    for mode, said in ((0o600, False), (0o640, False), (0o644, True), (0o604, True)):
        key.chmod(mode)
        assert any("may read the private key" in note for note in notes_of(path)) is said
    pem = key.read_text().replace("\n", "\n    ")
    inline = f"tls_server_config:\n  cert_file: server.crt\n  key: |\n    {pem}"
    path = web_config(authority.folder, inline)
    assert notes_of(path) == ()
    path.chmod(0o644)
    (note,) = notes_of(path)
    assert note.startswith("tls_server_config.key (")


def test_http2_is_said_to_be_without_effect_only_if_somebody_asks_for_it(tmp_path: Path) -> None:
    for text, said in (
        ("", False),
        ("http_server_config: {http2: false}", False),
        ("http_server_config: {http2: true}", True),
        ("http_server_config: {headers: {X-XSS-Protection: 1}}", False),
    ):
        assert any("without effect" in n for n in notes_of(web_config(tmp_path, text))) is said
