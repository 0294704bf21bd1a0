"""Time in proportion to length: what takes a second must not be had for a few kilobytes.

An input is a beginning, something that is repeated, and an end, a line each: the shape of every
text that makes a regular expression, or a loop in a loop, go over itself again and again.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

from exporter.auditor.lines import Prover
from exporter.errors import ExporterError
from exporter.exposition.accept import gzipped, negotiate
from exporter.flatfile.mend import mended
from exporter.flatfile.models import instant
from exporter.flatfile.retry_after import retry_after
from exporter.flatfile.token import granted
from exporter.settings.addresses import ListenAddress
from exporter.settings.durations import seconds
from exporter.settings.maintenance import Window
from exporter.web.guard import intervals
from tests.fuzz.promises import hold

_LENGTHS = (4_096, 16_384, 65_536)  # bytes: more than a header may have, and less than a body
_FREE = 0.05  # seconds of a length that nobody minds
_STEEPEST = 9.0  # times the time for four times the length; quadratic is 16
_AGAIN = 3  # measured, and the least counts


def pump(content: bytes) -> None:
    """Each parser of text by itself."""
    beginning, _, rest = content.partition(b"\n")
    repeated, _, end = rest.partition(b"\n")
    if not repeated:
        return
    grown = [beginning + repeated * (length // len(repeated)) + end for length in _LENGTHS]
    for name, parse in _PARSERS.items():
        hold(_in_proportion(parse, grown), f"{name} takes time in proportion to the length")


def _in_proportion(parse: Callable[[bytes], object], grown: Sequence[bytes]) -> bool:
    if _least(parse, grown[-1], 1) < _FREE:
        return True
    # Slow once: looked at more closely, in one go and on the processor's clock.
    shorter, longer = (_least(parse, content, _AGAIN) for content in grown[-2:])
    return longer < _FREE or longer < _STEEPEST * shorter


def _least(parse: Callable[[bytes], object], content: bytes, times: int) -> float:
    found = []
    for _ in range(times):
        began = time.process_time()
        with contextlib.suppress(ExporterError, ValueError):
            parse(content)
        found.append(time.process_time() - began)
    return min(found)


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda content: parse(content.decode("latin-1"))


_PARSERS: Mapping[str, Callable[[bytes], object]] = {
    "accept": _text(negotiate),
    "accept-encoding": _text(gzipped),
    "retry-after": _text(lambda line: retry_after([line], 0.0)),
    "token": lambda body: granted(body, 0.0),
    "mend": mended,
    "instant": _text(instant),
    "address": _text(ListenAddress.parse),
    "duration": _text(seconds),
    "interval": _text(intervals.seconds),
    "window": _text(Window.parse),
    "native line": lambda line: Prover(None).prove([line]),
}

TARGETS: Mapping[str, Callable[[bytes], None]] = {"pump": pump}
