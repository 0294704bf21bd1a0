"""Certificates made for one test, and web configuration files that name them."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import trustme

NOW = datetime.now(UTC)


@dataclass
class Authority:
    """An authority whose files lie in ``folder``, in PEM."""

    folder: Path
    name: str = "ca"
    _ca: trustme.CA = field(default_factory=trustme.CA)

    def __post_init__(self) -> None:
        self._ca.cert_pem.write_to_path(self.pem)

    @property
    def pem(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def issue(
        self, name: str, *identities: str, rsa: bool = False, days: int = 30
    ) -> tuple[Path, Path]:
        """Certificate and key of that file name, valid for ``days`` from a month ago or from now."""
        kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
        leaf = self._ca.issue_cert(
            *(identities or ("localhost", "127.0.0.1")),
            key_type=kind,
            not_before=NOW - timedelta(days=30),
            not_after=NOW + timedelta(days=days),
        )
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        leaf.cert_chain_pems[0].write_to_path(certificate)
        leaf.private_key_pem.write_to_path(key)
        key.chmod(0o600)
        return certificate, key

    def trusting(self, *shown: Path, most: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A client's side: trusts this authority, shows a certificate and key if they are given."""
        context = ssl.create_default_context(cafile=str(self.pem))
        if shown:
            certificate, key = shown
            context.load_cert_chain(certificate, key)
        if most is not None:
            context.maximum_version = most
        return context


def web_config(folder: Path, text: str) -> Path:
    path = folder / "web.yml"
    path.write_text(dedent(text), encoding="utf-8")
    path.chmod(0o600)
    return path


def with_tls(folder: Path, *lines: str, rest: str = "") -> Path:
    """``lines`` come below ``cert_file`` and ``key_file``; ``rest`` are other sections."""
    own = ("cert_file: server.crt", "key_file: server.key", *lines)
    tls = "tls_server_config:\n" + "".join(f"  {line}\n" for line in own)
    return web_config(folder, tls + dedent(rest))
