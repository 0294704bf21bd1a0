"""Which client certificates come in."""

import ipaddress
import ssl
import time
from pathlib import Path

import pytest

from exporter.web.guard.clients import Clients
from exporter.web.guard.protection import Protection, load
from tests.web.guard.authority import Authority, with_tls
from tests.web.guard.shaking import shake

VERIFY = ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.pem")
IF_GIVEN = ("client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem")


def loaded(folder: Path, *lines: str) -> Protection:
    return load(with_tls(folder, *lines)).protection


def admitted(protection: Protection, client: ssl.SSLContext) -> bool:
    """After a handshake and after a look at the names; in TLS 1.3 the client ends first."""
    assert protection.tls
    try:
        ends = shake(protection.tls, client)
    except ssl.SSLError:
        return False
    return protection.clients.admit(ends.server.getpeercert() or {}, time.time())


@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_is_required_and_verified(
    authority: Authority, tmp_path: Path, most: ssl.TLSVersion
) -> None:
    stranger = Authority(tmp_path, "stranger")
    required, optional = loaded(tmp_path, *VERIFY), loaded(tmp_path, *IF_GIVEN)
    nobody = loaded(tmp_path)
    for shown, verified, if_given in (
        ((), False, True),
        (authority.issue("good"), True, True),
        (authority.issue("expired", days=-1), False, False),
        (stranger.issue("unknown"), False, False),
    ):
        client = authority.trusting(*shown, most=most)
        assert admitted(required, client) is verified
        assert admitted(optional, client) is if_given
        assert admitted(nobody, client) is True


def test_one_certificate_may_stand_for_itself(authority: Authority) -> None:
    """Go takes whatever is among the authorities as the end of a chain."""
    good, other = authority.issue("good"), authority.issue("other")
    protection = loaded(
        authority.folder, "client_auth_type: RequireAndVerifyClientCert", "client_ca_file: good.crt"
    )
    assert admitted(protection, authority.trusting(*good))
    assert not admitted(protection, authority.trusting(*other))


def test_the_authorities_may_stand_in_the_file_itself(authority: Authority) -> None:
    pem = "\n".join(f"    {line}" for line in authority.pem.read_text().splitlines())
    protection = loaded(authority.folder, VERIFY[0], f"client_ca: |\n{pem}")
    assert admitted(protection, authority.trusting(*authority.issue("good")))
    assert not admitted(protection, authority.trusting())


def test_without_authorities_those_of_the_system_count_and_that_is_said(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = authority.trusting(*authority.issue("good"))
    protection = loaded(authority.folder, VERIFY[0])
    assert not admitted(protection, good)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    assert admitted(loaded(authority.folder, VERIFY[0]), good)
    assert any("this system trusts" in note for note in protection.notes)


def test_a_certificate_that_is_only_asked_for_is_not_asked_for(authority: Authority) -> None:
    protection = loaded(authority.folder, "client_auth_type: RequestClientCert")
    assert admitted(protection, authority.trusting())
    (note,) = protection.notes
    assert "is taken as NoClientCert" in note


@pytest.mark.parametrize(
    ("identity", "kind"),
    [
        ("scraper.example.org", "scraper.example.org"),
        ("scraper@example.org", "scraper@example.org"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:DB8:0:0::7"),
    ],
)
def test_one_of_the_allowed_names_must_be_in_the_certificate(
    authority: Authority, identity: str, kind: str
) -> None:
    allowed = loaded(authority.folder, *VERIFY, f"client_allowed_sans: [nobody, '{kind}']")
    others = loaded(authority.folder, *VERIFY, "client_allowed_sans: [example.org, '192.0.2.8']")
    client = authority.trusting(*authority.issue("good", identity))
    assert admitted(allowed, client)
    assert not admitted(others, client)


def test_where_names_are_asked_for_nobody_comes_in_without_a_certificate(
    authority: Authority,
) -> None:
    protection = loaded(authority.folder, *IF_GIVEN, "client_allowed_sans: [localhost]")
    assert not admitted(protection, authority.trusting())
    assert admitted(protection, authority.trusting(*authority.issue("good")))


def test_a_wildcard_is_a_name_and_no_pattern() -> None:
    allowed = Clients(frozenset({"*.example.org"}))
    assert not allowed.admit({"subjectAltName": (("DNS", "a.example.org"),)}, 0)
    assert allowed.admit({"subjectAltName": (("DNS", "*.example.org"),)}, 0)
    uri = Clients(frozenset({"spiffe://x/y"}))
    assert uri.admit({"subjectAltName": (("URI", "spiffe://x/y"),)}, 0)
    assert not uri.admit({"subjectAltName": (("DirName", "spiffe://x/y"),)}, 0)


def test_an_address_is_the_same_however_it_is_written() -> None:
    text = str(ipaddress.ip_address("2001:db8::7"))
    spelled = {"subjectAltName": (("IP Address", "2001:DB8:0:0:0:0:0:7"),)}
    assert Clients(frozenset({text})).admit(spelled, 0)


def test_a_session_does_not_outlive_its_certificate(authority: Authority) -> None:
    certificate = {"notAfter": "Jan  5 09:34:43 2018 GMT"}
    end = ssl.cert_time_to_seconds("Jan  5 09:34:43 2018 GMT")
    assert Clients().admit(certificate, end)
    assert not Clients().admit(certificate, end + 1)
    tls = loaded(authority.folder, *VERIFY).tls
    assert tls
    assert tls.num_tickets == 0
    client = authority.trusting(*authority.issue("good"), most=ssl.TLSVersion.TLSv1_2)
    session = shake(tls, client).client.session
    assert session is None or not session.has_ticket
