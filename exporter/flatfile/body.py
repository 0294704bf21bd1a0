"""The body of an answer, with a bound on its size before and after decompression."""

import zlib

import httpx

from exporter.errors import Malformed, TooLarge

LARGEST = 32 * 1024 * 1024
"""Bytes, decompressed. A page of 100 agents carries their sources (API notes, section 1.5), which
comes to some MiB; a whole answer and what is decoded from it have to fit into memory at once."""

ENCODINGS = "gzip"
"""What we ask for. Not httpx's own decoders: those inflate a chunk however large it becomes."""

_GZIP = 16 + zlib.MAX_WBITS


async def read(response: httpx.Response, where: str) -> bytes:
    """The decompressed body. Raises TooLarge past the bound, Malformed if it cannot be inflated.

    httpx's errors pass through.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Malformed(f"{where} answered in an encoding that was not asked for; check api.url")
    inflater = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
    whole = bytearray()
    async for chunk in response.aiter_raw():
        room = LARGEST - len(whole) + 1  # one byte over the bound shows that there are more
        try:
            whole += inflater.decompress(chunk, room) if inflater else chunk
        except zlib.error:
            raise Malformed(
                f"{where} answered with damaged gzip; check what lies between"
            ) from None
        if len(whole) > LARGEST:
            raise TooLarge(f"{where} answered with more than {LARGEST // 1024**2} MiB; cut off")
    if inflater and not inflater.eof:
        raise Malformed(f"{where} answered with cut gzip; check what lies between")
    return bytes(whole)
