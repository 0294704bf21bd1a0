"""Clients that mean harm, or that have gone without a word."""

import socket
import struct
from collections.abc import Callable
from random import Random

Place = tuple[str, int]
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def connected(place: Place) -> socket.socket:
    """With the smallest buffer there is, so that what is not read stays with the server."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(place)
    return client


def _asking(request: bytes) -> Callable[[Place], socket.socket]:
    def ask(place: Place) -> socket.socket:
        client = connected(place)
        client.sendall(request)
        return client

    return ask


def _resetting(place: Place) -> socket.socket:
    """Goes as soon as it has asked, with a reset."""
    client = _asking(SCRAPE)(place)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return client


def _half_closing(place: Place) -> socket.socket:
    """Has said all that it ever will, and does not read."""
    client = _asking(SCRAPE)(place)
    client.shutdown(socket.SHUT_WR)
    return client


stalled = _asking(SCRAPE)
KINDS: dict[str, Callable[[Place], socket.socket]] = {
    "silent": connected,
    "half a request": _asking(SCRAPE[:30]),
    "stalled": stalled,
    "resetting": _resetting,
    "half-closing": _half_closing,
    "all at once": _asking(SCRAPE * 50),
    "an endless body": _asking(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx"
    ),
    "noise": _asking(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
}


def crowd(place: Place, number: int, dice: Random) -> list[socket.socket]:
    """So many of all kinds, in any order."""
    return [dice.choice(list(KINDS.values()))(place) for _ in range(number)]
