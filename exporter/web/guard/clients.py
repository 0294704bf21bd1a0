"""Client certificates: whether they are asked for, which authorities sign them, whom they name."""

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.web.guard.document import Tls
from exporter.web.guard.entry import Entry, unknown
from exporter.web.guard.names import CLIENT_AUTH, NOT_ASKED, UNREAD
from exporter.web.guard.pem import Pems

PeerCertificate = Mapping[str, Any]
"""As ``ssl.SSLSocket.getpeercert`` describes it; empty for a client that showed none."""


@dataclass(frozen=True, slots=True)
class Clients:
    """``names`` are the subject alternative names of which a client needs one; None for any."""

    names: frozenset[str] | None = None

    def admit(self, certificate: PeerCertificate, now: float) -> bool:
        """Look at a certificate that has been verified. ``now`` is Unix seconds.

        A session that is taken up again (TLS 1.2) brings the certificate of its first handshake,
        which OpenSSL does not verify a second time.
        """
        expiry = certificate.get("notAfter")
        if expiry is not None and ssl.cert_time_to_seconds(expiry) < now:
            return False
        return self.names is None or not self.names.isdisjoint(_names(certificate))


def clients(tls: Tls, pems: Pems, context: ssl.SSLContext) -> Clients:
    """Set ``context`` up for it. Mistakes and notes go where those of ``pems`` go."""
    policy = tls.texts.get("client_auth_type")
    mode = _mode(policy, pems)
    authorities = pems.certificate("client_ca")
    given = tls.texts.get("client_ca_file") or tls.texts.get("client_ca")
    if given is not None and (policy is None or policy.text == NOT_ASKED):
        pems.mistakes.append(
            given.mistake(
                "is given without a policy that uses it; set client_auth_type:"
                " RequireAndVerifyClientCert"
            )
        )
    if mode is ssl.CERT_NONE:
        return Clients(_allowed(tls, pems, verified=False))
    context.verify_mode = mode
    # Like Go, which takes each certificate among the authorities as the end of a chain.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Each connection is verified in full: a ticket would outlive the certificate.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    if authorities is not None:
        context.load_verify_locations(cadata=authorities.certificates)
    elif given is None and policy is not None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        pems.notes.append(
            policy.note(
                "without client_ca_file, whoever has a certificate of any authority that this"
                " system trusts may come in"
            )
        )
    return Clients(_allowed(tls, pems, verified=True))


def _mode(policy: Entry | None, pems: Pems) -> ssl.VerifyMode:
    if policy is None:
        return ssl.CERT_NONE
    if policy.text not in CLIENT_AUTH:
        pems.mistakes.append(policy.mistake(unknown(policy.text, CLIENT_AUTH)))
        return ssl.CERT_NONE
    mode = CLIENT_AUTH[policy.text]
    if mode is None:
        pems.mistakes.append(
            policy.mistake(
                "would let in any certificate unverified, which keeps nobody out and which Python's"
                " TLS does not do; write RequireAndVerifyClientCert, with client_ca_file"
            )
        )
        return ssl.CERT_NONE
    if policy.text == UNREAD:
        pems.notes.append(
            policy.note("is taken as NoClientCert: nothing looks at a certificate unverified")
        )
    return mode


def _allowed(tls: Tls, pems: Pems, *, verified: bool) -> frozenset[str] | None:
    entries = tls.lists.get("client_allowed_sans")
    if entries is None:
        return None
    if not entries:
        empty = Entry(f"{tls.here.setting}.client_allowed_sans", tls.here.origin, "")
        pems.mistakes.append(empty.mistake("is an empty list, so that no client could come in"))
    elif not verified:
        message = "is without effect unless client_auth_type verifies certificates"
        pems.mistakes.append(entries[0].mistake(message))
    return frozenset(_same(entry.text) for entry in entries)


def _names(certificate: PeerCertificate) -> Iterator[str]:
    """DNS names, addresses of e-mail and IP, URIs: all as text, and matched as a whole."""
    for kind, value in certificate.get("subjectAltName", ()):
        if kind in {"DNS", "email", "URI"}:
            yield value
        elif kind == "IP Address":
            yield _same(value)


def _same(text: str) -> str:
    """One spelling of an IP address; anything else as it is. Python spells IPv6 in full."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text
