"""Parts compressed apart are one stream."""

import gzip as library
import zlib

from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition import gzip
from exporter.exposition.pieces import PIECE, pieces


@given(parts=st.lists(st.lists(st.binary(max_size=200), max_size=4), max_size=5))
def test_any_parts_in_any_order_are_one_whole_member(parts: list[list[bytes]]) -> None:
    flat = [piece for part in parts for piece in part]
    stream = b"".join(
        [
            gzip.HEADER,
            *map(gzip.part, parts),
            gzip.trailer(gzip.checksum(flat), sum(map(len, flat))),
        ]
    )
    assert library.decompress(stream) == b"".join(flat)
    reader = zlib.decompressobj(31)
    assert reader.decompress(stream) == b"".join(flat)
    assert reader.eof
    assert not reader.unused_data


def test_a_wrong_checksum_would_be_noticed() -> None:
    stream = gzip.HEADER + gzip.part([b"abc"]) + gzip.trailer(gzip.checksum([b"abd"]), 3)
    try:
        library.decompress(stream)
    except library.BadGzipFile:
        return
    raise AssertionError("not noticed")


@given(
    sizes=st.lists(st.sampled_from([0, 1, 100, PIECE // 2, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]))
)
def test_pieces_are_the_same_bytes_and_never_long(sizes: list[int]) -> None:
    parts = [bytes([at % 256]) * size for at, size in enumerate(sizes)]
    cut = list(pieces(parts))
    assert b"".join(cut) == b"".join(parts)
    assert all(0 < len(piece) <= PIECE for piece in cut)
    assert len(cut) <= 2 * (sum(sizes) // PIECE + 1)
