"""``flatfile-exporter``, and ``python -m exporter``."""

import os
import sys

from exporter.cli import main as run


def main() -> None:
    sys.exit(run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
