"""From ``tls_server_config`` to TLS as Python and OpenSSL can do it, or to the reasons why not."""

import ssl
from dataclasses import dataclass, field

from exporter.errors import Mistake
from exporter.web.guard.document import Tls
from exporter.web.guard.entry import Entry, unknown
from exporter.web.guard.names import CURVES, HTTP2_NEEDS, SUITES, SUITES_13, VERSIONS
from exporter.web.guard.pem import Pems

_TOO_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


@dataclass
class Making:
    """One attempt to make a context. What is wrong is added to ``mistakes``."""

    tls: Tls
    http2: bool
    pems: Pems
    mistakes: list[Mistake]
    notes: list[str]
    context: ssl.SSLContext = field(
        default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), init=False
    )

    def make(self) -> ssl.SSLContext:
        self._identity()
        self._versions()
        self._curves()
        self.context.set_alpn_protocols(["http/1.1"])
        if not self.tls.prefer_server_cipher_suites:
            self.context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        return self.context

    def _identity(self) -> None:
        certificate = self.pems.certificate("cert", required=True)
        key = self.pems.key()
        if certificate is None or key is None:
            return
        try:
            with certificate.name() as chain, key.name() as secret:
                # With a passphrase, though wrong, OpenSSL never asks for one at the terminal.
                self.context.load_cert_chain(chain, secret, password="")
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or "unknown"
            why = f"cannot be used: {reason.lower().replace('_', ' ')}"
            if reason == "KEY_VALUES_MISMATCH":
                self._wrong(key.entry, f"does not belong to the {certificate.entry.setting} given")
            else:
                self._wrong((certificate if reason in _TOO_WEAK else key).entry, why)

    def _versions(self) -> None:
        least = self._version("min_version", ssl.TLSVersion.TLSv1_2)
        most = self._version("max_version", ssl.TLSVersion.TLSv1_3)
        wanted = self.tls.lists.get("cipher_suites", ())
        if most < least:
            self._wrong(self.tls.texts["min_version"], "is above max_version; no client could come")
        elif wanted:
            suites = self._suites(wanted, least)
            if not suites and most < ssl.TLSVersion.TLSv1_3:
                self._wrong(wanted[0], "is of TLS 1.3 as are all here, and max_version is TLS12")
            elif suites:
                self._choose(suites)
            else:
                least = ssl.TLSVersion.TLSv1_3  # as in Go, where TLS 1.2 would find no suite
        self.context.minimum_version, self.context.maximum_version = least, most

    def _version(self, name: str, default: ssl.TLSVersion) -> ssl.TLSVersion:
        entry = self.tls.texts.get(name)
        if entry is None:
            return default
        if entry.text not in VERSIONS:
            self._wrong(entry, unknown(entry.text, VERSIONS))
            return default
        version = VERSIONS[entry.text]
        if version is None and name == "max_version":
            self._wrong(entry, "is not spoken any more (RFC 8996); write TLS12 or TLS13")
        elif version is None:
            self.notes.append(entry.note("is taken as TLS12, the least that is spoken (RFC 8996)"))
        return version or default

    def _suites(self, wanted: tuple[Entry, ...], least: ssl.TLSVersion) -> list[Entry]:
        """Those of TLS 1.2 among them."""
        for entry in wanted:
            if entry.text not in SUITES and entry.text not in SUITES_13:
                self._wrong(entry, unknown(entry.text, (*SUITES, *SUITES_13)))
        names = {entry.text for entry in wanted}
        if self.http2 and least < ssl.TLSVersion.TLSv1_3 and names.isdisjoint(HTTP2_NEEDS):
            self._wrong(
                Entry(wanted[0].setting, wanted[0].origin, ""),
                f"has neither {HTTP2_NEEDS[0]} nor {HTTP2_NEEDS[1]}, without which the toolkit"
                " refuses it for HTTP/2; add one, or set http_server_config.http2: false",
            )
        # A name that is unknown is a mistake already, and not a reason for another one.
        return [entry for entry in wanted if entry.text not in SUITES_13]

    def _choose(self, wanted: list[Entry]) -> None:
        suites = {SUITES[entry.text]: entry for entry in wanted if entry.text in SUITES}
        try:
            self.context.set_ciphers(":".join(suites) or "NONE")
        except ssl.SSLError:
            offered = set()
        else:
            offered = {suite["name"] for suite in self.context.get_ciphers()}
        for name, entry in suites.items():
            if name not in offered:
                self._wrong(entry, "is not to be had from the OpenSSL of this system")

    def _curves(self) -> None:
        wanted = self.tls.lists.get("curve_preferences", ())
        bad = [entry for entry in wanted if entry.text not in CURVES]
        for entry in bad:
            self._wrong(entry, unknown(entry.text, CURVES))
        if bad or not wanted:
            return
        first = wanted[0]
        try:
            self.context.set_ecdh_curve(CURVES[first.text])
        except (ValueError, ssl.SSLError):
            self._wrong(first, "is not to be had from the OpenSSL of this system")
        if len(wanted) > 1:
            self.notes.append(
                first.note(f"only the first, {first.text}, is used: Python's TLS takes one curve")
            )

    def _wrong(self, entry: Entry, message: str) -> None:
        self.mistakes.append(entry.mistake(message))
