"""The pages of /metrics: rendered once per change, off the event loop, handed out as bytes.

What a scrape costs does not depend on Flatfile: it waits for a rendering at most, never for the
network, and a rendering does the collectors that changed only.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from exporter.board import Board
from exporter.disposal import let_go
from exporter.exposition import gzip, text
from exporter.exposition.accept import Format, gzipped, negotiate
from exporter.exposition.fragment import Fragment, render
from exporter.exposition.gzip import Sum
from exporter.exposition.pieces import pieces
from exporter.families import Measured
from exporter.precedence import GiveWay, Precedence

_ENDINGS = {Format.TEXT: b"", Format.OPENMETRICS: b"# EOF\n"}


@dataclass(frozen=True, slots=True)
class Page:
    """``chunks`` are short enough to be sent one by one; ``length`` is the bytes of all."""

    content_type: str
    encoding: str | None
    chunks: tuple[bytes, ...]
    length: int


class UnknownCollector(LookupError):
    """``collect[]`` named what is not switched on. The message lists what is."""


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The collectors' part of a page; ``sum`` is that of it uncompressed."""

    fragments: tuple[Fragment, ...]
    chunks: tuple[bytes, ...]
    sum: Sum


class Exposition:
    """``live`` measures the exporter's own families, at each scrape and on the event loop.

    ``monotonic`` is the clock of the readings on the board: the loop's time, in seconds.
    """

    def __init__(
        self,
        board: Board,
        live: Callable[[], tuple[Measured, ...]],
        monotonic: Callable[[], float],
        precedence: Precedence | None = None,
    ) -> None:
        self._precedence = precedence or Precedence()
        self._board = board
        self._live = live
        self._monotonic = monotonic
        self._rendering = asyncio.Lock()
        self._fragments: Mapping[str, Fragment] = {}
        self._beginnings: Mapping[tuple[Format, bool], _Beginning] = {}
        self._letting_go: asyncio.Future[None] | None = None

    async def page(
        self, accept: str | None, accept_encoding: str | None, collect: frozenset[str]
    ) -> Page:
        """The page of this moment; with ``collect`` the families of those collectors only.

        Raises UnknownCollector.
        """
        form, packed = negotiate(accept), gzipped(accept_encoding)
        if not collect <= self._board.snapshot.records.keys():
            raise UnknownCollector(_valid(self._board.snapshot.records))
        beginning = self._ready(form, packed, collect)
        if beginning is None:
            with self._precedence.waiting():
                beginning = await self._next(form, packed, collect)
        live = () if collect else self._live()
        ending = (*_lines(live, form), _ENDINGS[form])
        if packed:
            ending = _packed(ending, beginning)
        chunks = (*beginning.chunks, *pieces(ending))
        return Page(form.value, "gzip" if packed else None, chunks, sum(map(len, chunks)))

    async def _next(self, form: Format, packed: bool, collect: frozenset[str]) -> _Beginning:
        async with self._rendering:
            # Whoever waited here finds what the one before it made, or a newer snapshot.
            ready = self._ready(form, packed, collect)
            return ready or await self._made(form, packed, collect)

    def _ready(self, form: Format, packed: bool, collect: frozenset[str]) -> _Beginning | None:
        beginning = self._beginnings.get((form, packed))
        if collect or beginning is None:
            return None
        shown = [fragment.of for fragment in beginning.fragments]
        wanted = list(self._wanted(collect).values())
        same = len(shown) == len(wanted) and all(map(_is, shown, wanted))
        return beginning if same else None

    async def _made(self, form: Format, packed: bool, collect: frozenset[str]) -> _Beginning:
        wanted = self._wanted(collect)
        loop = asyncio.get_running_loop()
        fragments = await loop.run_in_executor(
            None, _rendered, wanted, self._fragments, self._precedence.give_way
        )
        in_order = tuple(fragments.values())
        beginning = await loop.run_in_executor(None, _joined, in_order, form, packed)
        if collect:
            self._fragments = {**self._fragments, **fragments}
            return beginning
        # What was made of older fragments goes, and with it the fragments.
        kept = {key: old for key, old in self._beginnings.items() if old.fragments == in_order}
        gone = [old for old in self._fragments.values() if old not in in_order]
        families = chain.from_iterable(old.of for old in gone)
        things = [*families, *gone, self._fragments, self._beginnings]
        del gone
        self._fragments = fragments
        self._beginnings = {**kept, (form, packed): beginning}
        # Not waited for: somebody waits for the page.
        self._letting_go = loop.run_in_executor(None, let_go, things, self._precedence.give_way)
        return beginning

    def _wanted(self, collect: frozenset[str]) -> dict[str, tuple[Measured, ...]]:
        fresh = self._board.snapshot.fresh(self._monotonic())
        return {
            name: reading.shown for name, reading in fresh.items() if not collect or name in collect
        }


def _rendered(
    wanted: Mapping[str, tuple[Measured, ...]],
    known: Mapping[str, Fragment],
    give_way: GiveWay,
) -> dict[str, Fragment]:
    return {
        name: known[name] if name in known and known[name].of is shown else render(shown, give_way)
        for name, shown in wanted.items()
    }


def _joined(fragments: tuple[Fragment, ...], form: Format, packed: bool) -> _Beginning:
    parts = chain.from_iterable(fragment.parts(form) for fragment in fragments)
    if packed:
        chunks = pieces(chain([gzip.HEADER], (part.packed for part in parts)))
    else:
        chunks = pieces(gzip.unpacked(parts))
    return _Beginning(
        fragments, tuple(chunks), gzip.total(fragment.sums[form] for fragment in fragments)
    )


def _packed(ending: tuple[bytes, ...], beginning: _Beginning) -> tuple[bytes, ...]:
    # At once: zlib lets go of the interpreter's lock for each piece, and the loop may wait for it.
    last = gzip.part([b"".join(ending)])
    return last.packed, gzip.trailer(beginning.sum + last.sum)


def _lines(families: Iterable[Measured], form: Format) -> Iterator[bytes]:
    for family in families:
        yield text.heading(family, form)
        yield from text.samples(family)


def _is(one: object, other: object) -> bool:
    return one is other


def _valid(names: Iterable[str]) -> str:
    return "collect[] takes the name of a collector that is switched on: " + ", ".join(names)
