"""Sockets that listen, opened before anything else is ready: whoever connects waits in the queue.

Nothing heavy is imported here: opening these first makes the start of the program short for those
who wait for it.
"""

import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Protocol

from exporter.errors import ConfigurationError, Mistake

BACKLOG = 128
"""Connections that may wait. asyncio accepts as many in one go, and does nothing else meanwhile."""

UNSENT = 256 * 1024
"""Bytes that the system may hold for one client before they are sent. Without it, some megabytes
lie in the system's buffers for each client that does not read: memory of this container too.
"""

_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_WHAT_TO_DO = {
    errno.EADDRINUSE: "the address is in use; stop the program that has it (`ss -ltnp` shows"
    " which) or choose another port",
    errno.EACCES: "this port needs more rights than this program has; choose one above 1023",
    errno.EADDRNOTAVAIL: "this machine has no interface with this address; choose one of its own, or"
    " none for all of them (:port)",
    errno.EAFNOSUPPORT: "this machine has no IPv6; write an IPv4 address",
}

_Place = tuple[int, tuple[str, int]]


class Address(Protocol):
    """``host`` is a name or an address, empty for every interface; ``port`` 0 is any free one."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


def listen(addresses: Iterable[Address]) -> tuple[socket.socket, ...]:
    """Open all or none. A name with several addresses gets a socket for each.

    Waits for the resolver. Raises ConfigurationError, with a mistake for each address that cannot
    be had.
    """
    sockets: list[socket.socket] = []
    mistakes: list[Mistake] = []
    with ExitStack() as undo:
        for address in addresses:
            try:
                opened = _listening(address)
            except OSError as error:
                message = _what_to_do(error)
                mistakes.append(Mistake("web.listen-address", str(address), message))
            else:
                sockets += map(undo.enter_context, opened)
        if mistakes:
            raise ConfigurationError(*mistakes)
        undo.pop_all()
    return tuple(sockets)


def _what_to_do(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved; correct it, or write an address"
    return _WHAT_TO_DO.get(error.errno or 0) or error.strerror or str(error)


def _listening(address: Address) -> list[socket.socket]:
    """Raise OSError. `localhost` may have an IPv6 address although IPv6 is switched off."""
    if address.host in {"", "::"} and socket.has_dualstack_ipv6():
        return [_open((socket.AF_INET6, ("::", address.port)), dual=True)]
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    with ExitStack() as undo:
        for family, (host, port) in _places(address):
            # Several addresses of one name share the port that the system gave to the first.
            free = sockets[0].getsockname()[1] if sockets and not port else port
            try:
                sockets.append(undo.enter_context(_open((family, (host, free)))))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
        undo.pop_all()
    if absent and not sockets:
        raise absent
    return sockets


def _places(address: Address) -> list[_Place]:
    found = socket.getaddrinfo(
        # As bytes: for a text Python loads a codec of 0.4 MB, whatever is in it.
        address.host.encode("ascii") or None,
        address.port,
        family=socket.AF_UNSPEC if address.host else socket.AF_INET,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
    )
    return [(family, (str(place[0]), int(place[1]))) for family, _, _, _, place in found]


def _open(place: _Place, *, dual: bool = False) -> socket.socket:
    family, name = place
    with ExitStack() as undo:
        # With the protocol named: asyncio switches Nagle's algorithm off only where it reads TCP,
        # and else each answer on a kept connection waits 40 ms for the client's acknowledgement.
        opened = undo.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        # A restart must not wait for the old program's connections to be forgotten.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        bound_what_is_unsent(opened)
        opened.bind(name)
        # Not before this does the system say that another program listens there.
        opened.listen(BACKLOG)
        opened.setblocking(False)
        undo.pop_all()
        return opened


def bound_what_is_unsent(one: socket.socket) -> None:
    """For a TCP socket that listens; those that it accepts inherit it. Linux and macOS have it."""
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)


def place(one: socket.socket) -> str:
    """Where a socket listens, as people write it: ``127.0.0.1:10042``, ``[::]:10042``, a path."""
    name = one.getsockname()
    if one.family == socket.AF_UNIX:
        return f"@{name[1:].decode(errors='replace')}" if isinstance(name, bytes) else str(name)
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
