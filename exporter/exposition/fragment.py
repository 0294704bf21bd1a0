"""The families of one collector as bytes, made once for both formats and both encodings."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from exporter.exposition import gzip, text
from exporter.exposition.accept import Format
from exporter.exposition.pieces import pieces
from exporter.families import Measured


@dataclass(frozen=True, slots=True)
class Bytes:
    """The same bytes twice: in pieces, and compressed."""

    plain: tuple[bytes, ...]
    packed: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """One family. The samples are the same in both formats, the heading is not."""

    headings: dict[Format, Bytes]
    samples: Bytes


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """``of`` is what was rendered: the very object, whose identity says that this is still good."""

    of: tuple[Measured, ...]
    blocks: tuple[Block, ...]

    def parts(self, form: Format) -> Iterator[Bytes]:
        for block in self.blocks:
            yield block.headings[form]
            yield block.samples


def render(measured: tuple[Measured, ...]) -> Fragment:
    """Not to be called on the event loop: 100,000 samples take a good tenth of a second."""
    return Fragment(of=measured, blocks=tuple(_block(family) for family in measured))


def _block(family: Measured) -> Block:
    return Block(
        headings={form: _both([text.heading(family, form)]) for form in Format},
        samples=_both(text.samples(family)),
    )


def _both(parts: Iterable[bytes]) -> Bytes:
    plain = tuple(pieces(_with_pauses(parts)))
    return Bytes(plain=plain, packed=gzip.part(plain))


def _with_pauses(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Let go of the interpreter between the parts.

    Otherwise each wake-up of the loop's thread waits for the 5 ms after which this one is made to
    let go. A seventh more work; the worst wait in the loop falls from 11 to 4 ms.
    """
    for part in parts:
        yield part
        time.sleep(0)
