"""Where to listen: ``host:port``, ``:port`` (every interface) or ``[v6]:port``."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^\[\]:]*)):(?P<port>[0-9]{1,5})")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """``host`` is empty for every interface, IPv4 and IPv6; ``port`` 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError, with a message for the operator, for anything but the three forms."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text[:60]!r} is not an address; write host:port, :port or [IPv6 address]:port"
            )
        port = int(match["port"])
        if port > _HIGHEST_PORT:
            raise ValueError(f"{text!r} has no possible port; write one from 0 to {_HIGHEST_PORT}")
        if match["v6"] is not None:
            return cls(_v6(match["v6"]), port)
        host = match["host"]
        if host and not _HOST.fullmatch(host):
            raise ValueError(f"{text[:60]!r} has no possible host name; write a name or an address")
        return cls(host, port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _v6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError(f"{text[:60]!r} in brackets is not an IPv6 address") from None
