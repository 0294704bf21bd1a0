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
    made = [gzip.part(part) for part in parts]
    whole = gzip.total(part.sum for part in made)
    stream = b"".join([gzip.HEADER, *(part.packed for part in made), gzip.trailer(whole)])
    assert library.decompress(stream) == b"".join(flat)
    reader = zlib.decompressobj(31)
    assert reader.decompress(stream) == b"".join(flat)
    assert reader.eof
    assert not reader.unused_data


def test_a_wrong_checksum_would_be_noticed() -> None:
    right, wrong = gzip.part([b"abc"]), gzip.part([b"abd"])
    stream = gzip.HEADER + right.packed + gzip.trailer(wrong.sum)
    try:
        library.decompress(stream)
    except library.BadGzipFile:
        return
    raise AssertionError("not noticed")


@given(texts=st.lists(st.binary(max_size=300), max_size=5))
def test_sums_add_up_to_that_of_everything(texts: list[bytes]) -> None:
    whole = b"".join(texts)
    added = gzip.total(gzip.Sum(zlib.crc32(text), len(text)) for text in texts)
    assert added == gzip.Sum(zlib.crc32(whole), len(whole))


def test_sums_add_up_for_long_ones_too() -> None:
    one, other = bytes(range(256)) * 5_000, b"\x01" + b"\0" * 3_000_001
    sums = (gzip.Sum(zlib.crc32(text), len(text)) for text in (one, other))
    assert gzip.total(sums) == gzip.Sum(zlib.crc32(one + other), len(one + other))


@given(parts=st.lists(st.lists(st.binary(max_size=200), max_size=4), max_size=5))
def test_what_was_compressed_can_be_had_again(parts: list[list[bytes]]) -> None:
    made = [gzip.part(part) for part in parts]
    assert list(gzip.unpacked(made)) == [b"".join(part) for part in parts]


@given(
    sizes=st.lists(st.sampled_from([0, 1, 100, PIECE // 2, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]))
)
def test_pieces_are_the_same_bytes_and_never_long(sizes: list[int]) -> None:
    parts = [bytes([at % 256]) * size for at, size in enumerate(sizes)]
    cut = list(pieces(parts))
    assert b"".join(cut) == b"".join(parts)
    assert all(0 < len(piece) <= PIECE for piece in cut)
    assert len(cut) <= 2 * (sum(sizes) // PIECE + 1)
