"""The sink ``loki``: Grafana Loki's push API, and what it refuses."""

import asyncio
import gzip
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from exporter.audit.record import Entry
from exporter.audit.sinks.contract import Line, Rejected
from exporter.audit.sinks.posting import Answer, Post, unavailable
from exporter.audit.sinks.progress import Progress
from exporter.audit.sinks.sifting import sift
from exporter.audit.sinks.streams import Labels, Piece, Window, body, labels_of, pieces, pushes
from exporter.errors import SinkRefused

TOO_FAR_BEHIND = "too_far_behind"
TOO_FAR_AHEAD = "too_far_ahead"
TOO_LARGE = "too_large"
REFUSED = "refused"

PATH = "/loki/api/v1/push"
LABELS: Mapping[str, str] = MappingProxyType({"job": "flatfile-audit"})
WINDOW = Window()
LARGEST = 1024 * 1024
"""Bytes of records in one request, as Promtail has it; a request larger than
``ingestion_burst_size_mb`` (6) would be answered 429 for ever."""

_TAKEN = frozenset({200, 204})
_BAD, _LARGE = 400, 413

# What the body of a 400 says (Loki's source, pkg/validation and pkg/chunkenc) about one entry ...
_ENTRY = (
    (b"too far behind", TOO_FAR_BEHIND),
    (b"timestamp too old", TOO_FAR_BEHIND),
    (b"out of order", TOO_FAR_BEHIND),
    (b"timestamp too new", TOO_FAR_AHEAD),
    (b"max entry size", TOO_LARGE),
    (b"structured metadata too large", TOO_LARGE),
)
# ... and about all of them.
_ALL = (
    (
        b"this feature is disallowed",
        "structured metadata is not allowed; switch audit.sink.loki.metadata off",
    ),
    (b"missing required labels", "it wants more labels; give them in audit.sink.loki.labels"),
    (b"label name", "it does not take these labels; correct audit.sink.loki.labels"),
    (b"label value", "it does not take these labels; correct audit.sink.loki.labels"),
    (b"parsing labels", "it does not take these labels; correct audit.sink.loki.labels"),
    (b"ingestion blocked", "ingestion is blocked for this tenant"),
    (b"org id", "it wants to know the tenant; give audit.sink.loki.tenant"),
)


def push_url(base: str) -> str:
    """Where to push to, given Loki's base or the whole URL."""
    return base if base.endswith(PATH) else base.rstrip("/") + PATH


class LokiSink:
    """Sends what is refused again by halves: an answer does not say which records it is about."""

    name = "loki"
    reasons: Collection[str] = (TOO_FAR_BEHIND, TOO_FAR_AHEAD, TOO_LARGE, REFUSED)

    def __init__(
        self,
        post: Post,
        line: Line,
        *,
        wall: Callable[[], float],
        labels: Mapping[str, str] = LABELS,
        tenant: str | None = None,
        structured_metadata: bool = True,
        window: Window = WINDOW,
    ) -> None:
        """``labels`` are on every stream: few, and always the same. ``wall`` gives Unix seconds."""
        self._post = post
        self._line = line
        self._wall = wall
        self._labels = labels
        self._window = window
        self._on_time = labels_of(window, labels)
        self._metadata = structured_metadata
        self._headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            **({"X-Scope-OrgID": tenant} if tenant else {}),
        }
        self._progress = Progress()
        self._newest: float | None = None

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        now = self._wall()
        self._progress.refused(
            {e.sequence: TOO_FAR_BEHIND for e in entries if now - e.at > self._window.oldest}
        )
        found = pieces(
            self._progress.lacking(entries),
            self._window,
            self._labels,
            # What a process before us has sent is not known: at worst it was as new as now.
            newest=now if self._newest is None else self._newest,
            largest=LARGEST,
        )
        for push in pushes(found, LARGEST):
            self._progress.refused(await self._push(push))
        refused = self._progress.finish(entries)
        if set(refused.values()) == {REFUSED} and len(refused) == len(entries):
            raise SinkRefused(
                "Loki answered 400 to everything, for a reason that is none of its own; check"
                " audit.sink.loki.url and what lies between"
            )
        return refused

    async def aclose(self) -> None:
        await self._post.aclose()

    async def _push(self, push: Sequence[Piece]) -> dict[int, str]:
        """What is refused for good, after the stream of its slot was tried as well."""
        places = {entry.sequence: piece.labels for piece in push for entry in piece.entries}

        async def attempt(entries: Sequence[Entry]) -> str | None:
            streams: dict[Labels, list[Entry]] = {}
            for entry in entries:
                streams.setdefault(places[entry.sequence], []).append(entry)
            return await self._attempt([Piece(*stream) for stream in streams.items()])

        whole = [entry for piece in push for entry in piece.entries]
        refused = await sift(whole, attempt)
        for entry in whole:
            behind = refused.get(entry.sequence) == TOO_FAR_BEHIND
            if behind and places[entry.sequence] == self._on_time:
                places[entry.sequence] = labels_of(self._window, self._labels, entry.at)
                del refused[entry.sequence]
                refused |= await sift([entry], attempt)
        return refused

    async def _attempt(self, streams: Sequence[Piece]) -> str | None:
        loop = asyncio.get_running_loop()
        packed = await loop.run_in_executor(None, self._packed, streams)
        answer = await self._post.send(packed, self._headers)
        if answer.status not in _TAKEN:
            return _reason(answer)
        for stream in streams:
            self._progress.took(stream.entries)
            if stream.labels == self._on_time:
                self._newest = max(self._newest or 0.0, *(e.at for e in stream.entries))
        return None

    def _packed(self, streams: Sequence[Piece]) -> bytes:
        text = body(streams, self._line, metadata=self._metadata)
        return gzip.compress(text, compresslevel=1, mtime=0)


def _reason(answer: Answer) -> str:
    """Why a lot was refused for good. Raises SinkRefused or SinkUnavailable if it was not."""
    if answer.status == _LARGE:
        return TOO_LARGE
    text = answer.body.lower()
    for words, problem in _ALL:
        if words in text:
            raise SinkRefused(f"Loki answered {answer.status}: {problem}")
    if answer.status != _BAD:
        # Also a success that is none: a blocked tenant is answered 260, so that clients go on.
        raise unavailable("Loki", answer)
    return next((reason for words, reason in _ENTRY if words in text), REFUSED)
