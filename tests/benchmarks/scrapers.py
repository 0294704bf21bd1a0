"""Scrapers of a process of their own: ``python -m tests.benchmarks.scrapers``.

Raw sockets, so that what is measured is the server. On its standard input it takes lines of port,
path, connections and rounds. In each round every connection asks at the same moment; the answer
is a line of JSON, the seconds until each had its whole page.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_ROOM = 256 * 1024  # bytes taken from the system at once
_REQUEST = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
    "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n\r\n"
)
"""As Prometheus asks."""


@dataclass
class _Scraper:
    socket: socket.socket
    missing: int = -1
    """Bytes; negative before the head of the answer is known."""
    _head: bytearray = field(default_factory=bytearray)

    def ask(self, request: bytes) -> None:
        self.missing = -1
        self._head.clear()
        self.socket.sendall(request)

    def take(self, room: bytearray) -> bool:
        """Whether that was the end of the answer."""
        size = self.socket.recv_into(room)
        if not size:
            raise EOFError("the server closed the connection")
        if self.missing < 0:
            self._head += room[:size]
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.missing, size = _length(bytes(self._head[:end])), len(self._head) - end - 4
        self.missing -= size
        return not self.missing


def _length(head: bytes) -> int:
    first, *lines = head.split(b"\r\n")
    assert first.split()[1] == b"200", first
    named = dict(line.lower().split(b": ", 1) for line in lines)
    assert named[b"content-encoding"] == b"gzip"
    return int(named[b"content-length"])


def scrape(port: int, path: str, connections: int, rounds: int) -> list[float]:
    """Seconds of each scrape; the first round, in which connections are new, is left out."""
    request, room = _REQUEST.format(path).encode(), bytearray(_ROOM)
    taken: list[float] = []
    with selectors.DefaultSelector() as selector:
        scrapers = [
            _Scraper(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)
        ]
        for one in scrapers:
            selector.register(one.socket, selectors.EVENT_READ, one)
        for number in range(rounds + 1):
            times = _round(selector, scrapers, request, room)
            taken += times if number else []
        for one in scrapers:
            one.socket.close()
    return taken


def _round(
    selector: selectors.BaseSelector,
    scrapers: Sequence[_Scraper],
    request: bytes,
    room: bytearray,
) -> list[float]:
    began = time.perf_counter()
    taken: list[float] = []
    for one in scrapers:
        one.ask(request)
    while len(taken) < len(scrapers):
        for key, _ in selector.select():
            if key.data.take(room):
                taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    for line in sys.stdin:
        port, path, connections, rounds = line.split()
        found = scrape(int(port), path, int(connections), int(rounds))
        sys.stdout.write(f"{json.dumps(found)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
