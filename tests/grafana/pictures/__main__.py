"""``python -m tests.grafana.pictures [FOLDER]``: all of them, into ``.github`` unless told.

The page at / as well: ``page.png``.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.grafana.asking import ALL, Asker
from tests.grafana.boards import boards, targets
from tests.grafana.history import FIRST, blocks, environments, record, serving
from tests.grafana.pictures.bundle import bundled
from tests.grafana.pictures.frames import frames, marks
from tests.grafana.pictures.front import front
from tests.grafana.pictures.shoot import shoot

MINUTES = 357
"""Six hours, and no time on the axis that the edge cuts off."""
_SHOWN = "development"


def _inputs(asker: Asker) -> dict[str, Any]:
    found = {}
    for name, board in boards().items():
        own = [target for target in targets() if target.board == name]
        ids = {target.panel["id"]: target.panel for target in own}
        shown = {"Job": "All", "Instance": "All"}
        if name == "environment":
            shown["Environment"] = _SHOWN
        found[name] = {
            "dashboard": board,
            "answers": {
                id_: frames(asker, [target for target in own if target.panel["id"] == id_])
                for id_ in ids
            },
            "marks": list(marks(asker, board)),
            "values": asker.values,
            "shown": shown,
            "from": asker.span.start * 1000,
            "to": asker.span.end * 1000,
        }
    return found


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ".github").absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    site = bundled(cache / "flatfile-exporter" / "pictures")
    programs = [shutil.which(name) for name in ("prometheus", "promtool")]
    if None in programs:
        sys.exit("prometheus is not installed: run tests/peers/install")
    prometheus, promtool = map(str, programs)
    with tempfile.TemporaryDirectory(prefix="flatfile-pictures-") as temporary:
        folder = Path(temporary)
        front(folder, out / "page.png")
        history, span = record(folder, MINUTES)
        database = blocks(promtool, history, folder, FIRST)
        with serving(prometheus, database, folder) as server:
            chosen = environments(server, span.end)[_SHOWN]
            values = {**ALL, "environment_id": chosen, "runbooks": ""}
            inputs = _inputs(Asker(server, span, values))
    shoot(site, inputs, out)


if __name__ == "__main__":
    main()
