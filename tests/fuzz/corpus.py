"""The inputs that are kept, and which of new ones are worth keeping."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.targets import Target

FOLDER = Path(__file__).parent / "corpus"
LARGEST = 4096  # bytes of an input
MOST = 80  # inputs of a target that a fuzzer found; those that people named do not count

_FOUND = "found-"
_OURS = str(Path(__file__).parents[2] / "exporter")

Arc = tuple[CodeType, int, int]


def inputs(name: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of all that are kept for a target, in the order of their names."""
    for path in sorted((FOLDER / name).iterdir()):
        yield path.name, path.read_bytes()


def arcs(target: Target, content: bytes) -> frozenset[Arc]:
    """Which line of the exporter came after which. Raises what the target does."""
    found: set[Arc] = set()

    def called(frame: FrameType, _event: str, _arg: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(_OURS):
            return None
        before = 0

        def stepped(frame: FrameType, _event: str, _arg: Any) -> Any:
            nonlocal before
            found.add((code, before, frame.f_lineno))
            before = frame.f_lineno
            return stepped

        return stepped

    traced = sys.gettrace()
    sys.settrace(called)
    try:
        target(content)
    finally:
        sys.settrace(traced)
    return frozenset(found)


def keep(name: str, target: Target, new: Iterable[bytes]) -> tuple[int, int]:
    """Write the corpus again with what adds to it; how many were found, and how many are now.

    All that people named stays. Of the rest the smallest come first, so that one which shows
    nothing that a smaller one has not shown goes.
    """
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    seen: set[Arc] = set()
    found = {content for content in new if len(content) <= LARGEST}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(_FOUND):
            found.add(path.read_bytes())
            path.unlink()
        else:
            seen |= arcs(target, path.read_bytes())
    arcs(target, b"")  # what happens once only, on first use
    kept = 0
    for content in sorted(found, key=lambda one: (len(one), one)):
        if kept == MOST:
            break
        shown = arcs(target, content)
        if shown <= seen:
            continue
        seen |= shown
        kept += 1
        name_ = f"{_FOUND}{hashlib.sha256(content).hexdigest()[:12]}"
        (folder / name_).write_bytes(content)
    return len(found), kept
