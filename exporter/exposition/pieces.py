"""Bytes in pieces that fit a slow reader."""

from collections.abc import Iterable, Iterator

PIECE = 128 * 1024
"""Bytes a piece may have. A connection that stalls holds about two of them, and a socket that does
not takes one at a time; half of it costs more calls, twice of it more memory, for nothing.
"""


def pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at most PIECE; what is as long already is not copied."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        for piece in _cut(part):
            if held and size + len(piece) > PIECE:
                yield b"".join(held)
                held, size = [], 0
            held.append(piece)
            size += len(piece)
    if size:
        yield b"".join(held)


def _cut(part: bytes) -> Iterator[bytes]:
    if len(part) <= PIECE:
        yield part
        return
    for start in range(0, len(part), PIECE):
        yield part[start : start + PIECE]
