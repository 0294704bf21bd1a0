"""``python -m grafana``: write the dashboards, below the working directory.

``--runbooks URL`` says where ``deploy/runbooks`` is published, ``--to FOLDER`` writes elsewhere.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter.rules import Thresholds
from grafana.source.every import generated


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m grafana", description=__doc__)
    parser.add_argument("--runbooks", default=Thresholds().runbooks, metavar="URL")
    parser.add_argument("--to", type=Path, metavar="FOLDER")
    given = parser.parse_args(arguments)
    for path, content in generated(given.runbooks):
        target = Path.cwd() / path if given.to is None else given.to / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != content:
            target.write_text(content, encoding="utf-8")
            sys.stdout.write(f"wrote {target.name}\n")


if __name__ == "__main__":
    main()
