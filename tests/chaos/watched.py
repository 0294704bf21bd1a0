"""The exporter's command line, in a process that writes down how many tasks it has.

``python -m tests.chaos.watched FILE [flags]``. From outside a process its memory, its files and
its threads can be seen, and its tasks cannot.
"""

import asyncio
import gc
import sys
import threading
import time
from pathlib import Path

from exporter.__main__ import main

_EACH = 2.0  # seconds


def _watch(file: Path) -> None:
    while True:
        tasks = sum(
            1 for one in gc.get_objects() if isinstance(one, asyncio.Task) and not one.done()
        )
        partial = file.with_suffix(".part")
        partial.write_text(str(tasks), encoding="ascii")
        partial.replace(file)
        time.sleep(_EACH)


if __name__ == "__main__":
    threading.Thread(target=_watch, args=(Path(sys.argv.pop(1)),), daemon=True).start()
    main()
