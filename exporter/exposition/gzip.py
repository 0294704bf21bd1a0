"""Parts that were compressed apart, joined into one gzip stream.

A part is a run of deflate blocks that ends in a full flush (RFC 1951, section 3.2.4; zlib's
``Z_FULL_FLUSH``): it ends on a byte, and nothing after it refers back into it. Such parts may
stand one after another in any choice and order, so that each is compressed once and a page is a
concatenation. One header, one trailer (RFC 1952, section 2.3): a single member, which also those
readers understand that stop after the first.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255))
"""No name, no time (the same data gives the same bytes), fastest method, no operating system."""

_LEVEL = 1
_END = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS).flush(zlib.Z_FINISH)
_32_BITS = 0xFFFFFFFF


def part(pieces: Iterable[bytes]) -> bytes:
    """Compress what may be joined with other parts. Level 9 saves 14 % and costs ten times more."""
    return b"".join(_part(pieces))


def trailer(crc: int, size: int) -> bytes:
    """What ends the stream, for the CRC-32 and the length of all that was compressed."""
    return _END + struct.pack("<II", crc, size & _32_BITS)


def checksum(pieces: Iterable[bytes], crc: int = 0) -> int:
    """CRC-32 of the pieces, after ``crc`` of those before them."""
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


def _part(pieces: Iterable[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    for piece in pieces:
        yield squeeze.compress(piece)
    yield squeeze.flush(zlib.Z_FULL_FLUSH)
